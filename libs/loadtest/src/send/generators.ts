/** The generator threads of a test: each step is shared among them, and what they tell comes together here. */
import { Worker } from 'node:worker_threads';

import type { LoadPlan, Step } from '../plan/load-plan.ts';
import { unpackOutcomes, type FromGenerator, type SentOutcome, type ToGenerator } from './generator-message.ts';

/** Of all threads; `busy`: of the busiest. */
export type GeneratorFacts = { readonly threads: number; readonly busy: number; readonly connections: number };
export type OpenCounts = { readonly open: number; readonly unsent: number };

export type Generators = {
  /** @param onOutcome hears every request's end, in no order. @throws Error when a thread has ended */
  run(
    step: Step,
    onOutcome: (outcome: SentOutcome) => void,
    onOpen?: (counts: OpenCounts) => void,
  ): Promise<GeneratorFacts>;
  /** Ends the step that runs: what is open is given up. */
  stop(): void;
  close(): Promise<void>;
};

/** From source the thread runs the built file, as everything that is measured does. */
const THREAD = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/send/generator-thread.js' : './generator-thread.js',
  import.meta.url,
);
/** All threads begin at the same time, so long from now: each has connected by then. */
const LEAD_MS = 60;

export function startGenerators(plan: LoadPlan): Generators {
  const threads = Array.from({ length: plan.generators }, () => new Worker(THREAD, { execArgv: [] }));
  const say = (thread: Worker, message: ToGenerator): void => thread.postMessage(message, []);
  return {
    async run(step, onOutcome, onOpen) {
      const startAt = performance.timeOrigin + performance.now() + LEAD_MS;
      const counts = threads.map((): OpenCounts => ({ open: 0, unsent: 0 }));
      const ends = threads.map(
        (thread, shard) =>
          new Promise<{ busy: number; connections: number }>((resolve, reject) => {
            const heard = (message: FromGenerator): void => {
              if (message.kind === 'outcomes') {
                for (const outcome of unpackOutcomes(message.batch)) onOutcome(outcome);
                counts[shard] = message;
                onOpen?.({
                  open: counts.reduce((sum, { open }) => sum + open, 0),
                  unsent: counts.reduce((sum, { unsent }) => sum + unsent, 0),
                });
                return;
              }
              leave();
              if (message.kind === 'done') resolve(message);
              else reject(new Error(message.message));
            };
            const broken = (why: unknown): void => {
              leave();
              reject(new Error(`a load generator ended: ${why instanceof Error ? why.message : String(why)}`));
            };
            const leave = (): void => {
              thread.off('message', heard);
              thread.off('error', broken);
              thread.off('exit', broken);
            };
            thread.on('message', heard);
            thread.on('error', broken);
            thread.on('exit', broken);
            say(thread, { kind: 'run', task: { plan, step, shard, shards: threads.length, startAt } });
          }),
      );
      const done = await Promise.all(ends);
      return {
        threads: threads.length,
        busy: Math.max(...done.map(({ busy }) => busy)),
        connections: done.reduce((sum, { connections }) => sum + connections, 0),
      };
    },
    stop: () => threads.forEach((thread) => say(thread, { kind: 'stop' })),
    async close() {
      await Promise.all(threads.map(async (thread) => thread.terminate()));
    },
  };
}
