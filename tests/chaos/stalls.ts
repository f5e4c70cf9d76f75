/**
 * Watches for moments in which Redis, or the machine as a whole, stood still for a reason of its own: a disk that is busy,
 * other work on the processors. They are disturbances like any other, only that nobody planned them, and are told.
 */
import { setTimeout as pause } from 'node:timers/promises';

import type { Redis } from '@batchyard/shared/runtime/redis';

import type { Window } from './history.ts';

export type StallWatch = {
  /** @returns what was noticed until now */
  stop(): Promise<Window[]>;
};

const EVERY_MS = 50;
const STALL_MS = 250;
/** Connections are made again, and what had waited is worked off. */
const GRACE_MS = 2_000;

/** Asks Redis past everything that is disturbed on purpose. */
export function watchStalls(admin: Redis): StallWatch {
  const seen: Window[] = [];
  let running = true;
  async function watch(): Promise<void> {
    while (running) {
      const from = Date.now();
      await Promise.all([admin.ping().catch(() => undefined), pause(EVERY_MS)]);
      const to = Date.now();
      if (to - from > STALL_MS) seen.push({ from, to, times: 1, graceMs: GRACE_MS, excuses: true });
    }
  }
  const ended = watch();
  return {
    async stop() {
      running = false;
      await ended;
      return seen;
    },
  };
}
