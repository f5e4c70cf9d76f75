/** The one door to pino. */
import { pino, type LogFn, type Logger } from 'pino';

export type { Logger } from 'pino';

/** JSON lines on stdout; `level` as in LOG_LEVEL (`info` by default, `silent` for none). */
export function createLogger(name: string, level: string): Logger {
  return pino({ name, level, base: { pid: process.pid } });
}

/** Writes at a level, whatever becomes of the logger's own: a method of it that was taken out stays as it was then. */
export const following =
  (log: Logger, level: 'info' | 'warn'): LogFn =>
  (...args: Parameters<LogFn>) =>
    log[level](...args);
