/** A steady load with unique inputs: clients that submit jobs, and clients that wait for answers. */
import { setTimeout as pause } from 'node:timers/promises';

import type { Random } from './random.ts';
import type { Recorder } from './recorder.ts';

/** No two requests of this process have the same input. */
let lastSeed = 0;
export const nextSeed = (): number => (lastSeed += 1);

export type Load = {
  /** Ends when every client had its answer. */
  stop(): Promise<void>;
};

const SUBMITTERS = 8;
const ASKERS = 4;
const LONGEST_PAUSE_MS = 40;
const MODELS = ['slow', 'simple'] as const;

/** Clients go on until `stop`, whatever they are told, each with its own pace. */
export function startLoad(recorder: Recorder, random: Random, askers = ASKERS): Load {
  let running = true;
  async function client(work: (model: string, seed: number) => Promise<unknown>): Promise<void> {
    while (running) {
      await work(random.pick(MODELS), nextSeed());
      await pause(random.between(1, LONGEST_PAUSE_MS));
    }
  }
  const clients = [
    ...Array.from({ length: SUBMITTERS }, () => client(recorder.submit)),
    ...Array.from({ length: askers }, () => client(recorder.infer)),
  ];
  return {
    async stop() {
      running = false;
      await Promise.all(clients);
    },
  };
}
