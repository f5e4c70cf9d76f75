/** The one door to pino. */
import { pino, type Logger } from 'pino';

export type { Logger } from 'pino';

/** JSON lines on stdout; `level` as in LOG_LEVEL (`info` by default, `silent` for none). */
export function createLogger(name: string, level: string): Logger {
  return pino({ name, level, base: { pid: process.pid } });
}
