/** Part of the wiring: what the serving of models consists of, and how a model that is no longer wanted takes its leave. */
import type { QueueOperations } from '@batchyard/queue/queue';
import type { Logger } from '@batchyard/shared/runtime/log';

import type { ModelProblems } from './model-problems.ts';
import type { Loaded, Occupy } from './open-occupy.ts';
import type { ModelDefinition } from './repository/open-repository.ts';
import type { Seat } from './seat.ts';

export type Held = { readonly seat: Seat; loaded: Loaded; leaving: boolean };

export type ModelsParts = {
  readonly worker: string;
  readonly queue: Pick<QueueOperations, 'announce' | 'withdraw' | 'registered' | 'counts' | 'workers' | 'events'>;
  readonly occupy: Occupy;
  /** Serves its jobs until it is closed; resolves when nothing of it is held. */
  readonly serve: (held: Held) => Promise<unknown>;
  /** It serves, or serves another file now. */
  readonly placed: (held: Held) => void;
  readonly closed: (queue: string) => void;
  /** Tells everybody what this worker serves now. */
  readonly tell: () => Promise<void>;
  /** Jobs came of a file that this worker does not have. */
  readonly foreign: () => void;
  readonly log: Logger;
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
};

export type ModelsState = {
  readonly seats: Map<string, Held>;
  readonly serving: Map<string, Promise<unknown>>;
  readonly loading: Map<string, ModelDefinition>;
  readonly problems: ModelProblems;
  /** Those that end now: too late to be wanted again. */
  readonly ending: Map<string, Promise<void>>;
  begun: boolean;
};

/** Gateways look once a second: what one has asked for in good faith comes within this time. */
const LAST_ASKED_MS = 3_000;
/** Then a queue that never runs dry, as when other workers serve it on, is left to them. */
const LONGEST_LEAVING_MS = 300_000;
const LOOK_MS = 250;

/** Resolves when nothing waits and runs any more of what was asked before, or it no longer matters. */
export async function untilDry(
  { queue, now, pause }: ModelsParts,
  name: string,
  matters: () => boolean,
): Promise<void> {
  const isDry = async (): Promise<boolean> => {
    const { depth, active, delayed } = await queue.counts(name);
    return depth + active + delayed === 0;
  };
  const since = now();
  while (matters() && now() - since < LONGEST_LEAVING_MS) {
    if (now() - since >= LAST_ASKED_MS && (await isDry().catch(() => false))) return;
    await pause(LOOK_MS);
  }
}

/** The end of a model's serving; it may be wanted again before. */
export function createLeave(parts: ModelsParts, { seats, serving, ending }: ModelsState) {
  const { queue, tell, closed, log } = parts;
  async function end({ seat }: Held): Promise<void> {
    seat.close();
    closed(seat.queue);
    await serving.get(seat.queue);
    seats.delete(seat.queue);
    await seat.dismissFormer();
    await seat.occupant().retire(() => seat.occupant().served);
    log.info({ queue: seat.queue }, 'a model is no longer served');
  }
  return async function leave(held: Held): Promise<void> {
    const { seat } = held;
    held.leaving = true;
    try {
      await queue.withdraw(held.loaded.served.model);
      await tell();
    } catch (error) {
      // Without Redis nothing is withdrawn: the next look at the repository tries again.
      held.leaving = false;
      log.warn({ queue: seat.queue, err: error }, 'a model could not be withdrawn');
      return;
    }
    await untilDry(parts, seat.queue, () => held.leaving);
    if (!held.leaving) return;
    const ended = end(held);
    ending.set(seat.queue, ended);
    await ended.finally(() => ending.delete(seat.queue));
    await tell().catch(() => undefined);
  };
}
