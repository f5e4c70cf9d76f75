/** What a command is given of the world it runs in, how it reports that it failed, and the exit codes of all of them. */
import { BatchyardFailure } from '@batchyard/client/failure';
import { CommanderError } from 'commander';

import { onStderr } from './colours.ts';
import type { SettingsFile } from './settings-file.ts';
import { StopSentence } from './stop-sentence.ts';

/** docs/cli.md tells these; `loadtest` alone has 99, for a threshold that was missed. */
export const EXIT = {
  done: 0,
  /** Something that was looked at is not well, or was refused. */
  failed: 1,
  /** It cannot start, or was typed wrongly. */
  usage: 2,
  /** No Batchyard answers there. */
  unreachable: 3,
  notFound: 4,
  /** The key is missing, unknown or not allowed to. */
  notAllowed: 5,
  /** The same command can succeed later. */
  busy: 6,
} as const;

export type Shell = {
  /** The environment, over what the settings file says. */
  readonly env: NodeJS.ProcessEnv;
  readonly file: SettingsFile | undefined;
  print(line: string): void;
};

type Told = {
  readonly code: string;
  readonly sentence: string;
  readonly next: string | undefined;
  readonly exit: number;
};

/** What a person can type next, by the code of the failure. */
const NEXT: Readonly<Record<string, string>> = {
  network: 'batchyard doctor   (nothing runs there? npm start)',
  deadline: 'batchyard top --once   (or a longer --timeout)',
  unauthorized: 'BATCHYARD_KEY=byk_… batchyard …   (an administrator makes one: batchyard keys create <name>)',
  forbidden: 'batchyard keys ls   (the key needs another scope)',
  model_not_found: 'batchyard models ls',
  model_not_ready: 'batchyard workers ls',
  not_found: 'batchyard jobs ls',
  gone: 'batchyard submit …   (results are kept for BATCHYARD_RESULT_TTL seconds)',
  conflict: 'batchyard jobs get <id>',
  invalid_input: 'batchyard models inspect <model>',
  bad_request: 'batchyard models inspect <model>',
  model_error: 'batchyard jobs get <id>',
  not_loaded: 'batchyard models validate <model>',
};

function exitOf({ code, status, retryable }: BatchyardFailure): number {
  if (code === 'network') return EXIT.unreachable;
  if (status === 401 || status === 403) return EXIT.notAllowed;
  if (status === 404 || status === 410) return EXIT.notFound;
  return retryable ? EXIT.busy : EXIT.failed;
}

function tell(error: unknown): Told {
  if (error instanceof BatchyardFailure) {
    const next =
      NEXT[error.code] ?? (error.retryable ? 'batchyard queues ls   (then the same again)' : 'batchyard doctor');
    return { code: error.code, sentence: error.message, next, exit: exitOf(error) };
  }
  const sentence = error instanceof Error ? error.message : String(error);
  const next = error instanceof StopSentence ? error.hint : undefined;
  return { code: 'usage', sentence, next, exit: EXIT.usage };
}

/** Says in a sentence why a command ended and what to type next, and sets the exit code. With --json as JSON, on stderr too. */
export function failWith(error: unknown): void {
  if (error instanceof CommanderError) {
    // It has said so itself; for help and the version its code is 0.
    process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
    return;
  }
  const { code, sentence, next, exit } = tell(error);
  process.exitCode = exit;
  if (process.argv.includes('--json')) {
    process.stderr.write(`${JSON.stringify({ error: { code, message: sentence, next } })}\n`);
    return;
  }
  process.stderr.write(`${onStderr.red('✗')} ${sentence}\n`);
  if (next !== undefined) process.stderr.write(`  next: ${onStderr.bold(next)}\n`);
}

export const print = (line: string): void => void process.stdout.write(`${line}\n`);
