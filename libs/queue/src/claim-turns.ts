/**
 * One Redis stores a claim in the step that stores its job. On a cluster the claim lies in the shard of the job's model, so
 * two models may have the same one at the same moment. There who has a claim stores its job in its turn: a lease in the
 * home shard, which lapses by itself where its gateway dies, and during which the claim is looked for in all shards.
 */
import { randomBytes } from 'node:crypto';

import { claimTurnKey } from '@batchyard/shared/contract/redis-keys';
import type { Redis } from '@batchyard/shared/runtime/redis';

export type ClaimTurn =
  /** None is needed. */
  | { readonly kind: 'none' }
  /** Until it is given back, three seconds at most: longer than an add can take that still counts. */
  | { readonly kind: 'held'; readonly giveBack: () => Promise<void> }
  /** Another request with the claim has not given its turn back for a second. */
  | { readonly kind: 'busy' };

const LEASE_MS = 3_000;
const PATIENCE_MS = 1_000;
const AGAIN_MS = 10;

type Time = { readonly now: () => number; readonly pause: (ms: number) => Promise<void> };
const TIME: Time = {
  now: () => performance.now(),
  pause: (ms) => new Promise((resolve) => void setTimeout(resolve, ms)),
};

/** @param prefix of the home shard */
export function createClaimTurns(
  commands: Pick<Redis, 'get' | 'set' | 'del'>,
  prefix: string,
  { now, pause }: Time = TIME,
) {
  return async function claimTurn(key: string): Promise<ClaimTurn> {
    const turn = claimTurnKey(prefix, key);
    const mine = randomBytes(8).toString('hex');
    const limit = now() + PATIENCE_MS;
    while ((await commands.set(turn, mine, 'PX', LEASE_MS, 'NX')) !== 'OK') {
      if (now() >= limit) return { kind: 'busy' };
      await pause(AGAIN_MS);
    }
    return {
      kind: 'held',
      async giveBack() {
        // It lapses where that fails.
        if ((await commands.get(turn)) === mine) await commands.del(turn);
      },
    };
  };
}
