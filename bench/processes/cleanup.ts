/**
 * Whatever a benchmark starts is stopped again: in reverse order when it ends, fails, or gets SIGINT or SIGTERM. What
 * is still there when this process exits is killed.
 */
import { descendants } from './tree.ts';

export type Cleanup = {
  /** Has `stop` called at the end. */
  add(stop: () => Promise<unknown>): void;
  run(): Promise<void>;
};

const STOP_LIMIT_MS = 15_000;

export function createCleanup(): Cleanup {
  const stops: (() => Promise<unknown>)[] = [];
  let running: Promise<void> | undefined;
  const stopAll = async (): Promise<void> => {
    for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise((resolve) => (timer = setTimeout(resolve, STOP_LIMIT_MS)));
      await Promise.race([stop().catch(() => undefined), late]);
      clearTimeout(timer);
    }
  };
  const run = (): Promise<void> => (running ??= stopAll());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => void run().then(() => process.exit(130)));
  }
  process.on('exit', () => {
    for (const { pid } of descendants(process.pid)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has just gone by itself.
      }
    }
  });
  return { add: (stop) => stops.push(stop), run };
}
