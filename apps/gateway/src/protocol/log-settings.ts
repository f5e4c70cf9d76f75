/**
 * Triton's logging extension over a log whose levels are in order: errors, then warnings, then information, then two steps
 * of verbosity. Only what is obeyed can be set; everything else of the extension is refused.
 */
import { Failure } from '@batchyard/shared/contract/failure';
import { z } from 'zod';

/** From nothing to everything. */
const LEVELS = ['silent', 'error', 'warn', 'info', 'debug', 'trace'] as const;
type Level = (typeof LEVELS)[number];
const INFO = LEVELS.indexOf('info');
const MOST_VERBOSE = LEVELS.length - 1 - INFO;

export type LogSettings = {
  readonly log_file: string;
  readonly log_info: boolean;
  readonly log_warning: boolean;
  readonly log_error: boolean;
  readonly log_verbose_level: number;
  readonly log_format: string;
};

const changeSchema = z.strictObject({
  log_file: z.literal('', 'the log is written to the standard output').optional(),
  log_info: z.boolean().optional(),
  log_warning: z.boolean().optional(),
  log_error: z.boolean().optional(),
  log_verbose_level: z.int().min(0).max(MOST_VERBOSE).optional(),
  log_format: z.literal('default', 'the log is written in JSON lines').optional(),
});

const rankOf = (level: string): number => Math.max(0, LEVELS.indexOf(level as Level));

/** @param level as in LOG_LEVEL; `fatal` shows no errors */
export function logSettings(level: string): LogSettings {
  const rank = rankOf(level);
  return {
    log_file: '',
    log_info: rank >= INFO,
    log_warning: rank >= rankOf('warn'),
    log_error: rank >= rankOf('error'),
    log_verbose_level: Math.max(0, rank - INFO),
    log_format: 'default',
  };
}

/** What is not given follows what is. @returns the level; @throws Failure bad_request where there is no such level */
export function changedLevel(level: string, body: unknown): Level {
  const parsed = changeSchema.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const field = issue?.path.join('.') ?? '';
    throw new Failure('bad_request', `log settings: ${field === '' ? '' : `${field}: `}${issue?.message ?? ''}`, {
      pointers: field === '' ? [] : [`/${field}`],
    });
  }
  const { log_error, log_warning, log_info, log_verbose_level: verbose } = parsed.data;
  const verbosity = Array.from({ length: MOST_VERBOSE }, (_, i) => (verbose === undefined ? undefined : i < verbose));
  const steps = [log_error, log_warning, log_info, ...verbosity];
  const least = steps.lastIndexOf(true) + 1;
  const most = steps.includes(false) ? steps.indexOf(false) : steps.length;
  if (least > most) {
    const order = 'log_error, log_warning, log_info, log_verbose_level';
    throw new Failure('bad_request', `log settings: of ${order} each one needs those before it`);
  }
  return LEVELS[Math.min(most, Math.max(least, rankOf(level)))] ?? 'info';
}
