import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Redis } from '@batchyard/shared/runtime/redis';

import { createClaimTurns } from './claim-turns.ts';

/** A Redis of strings that lapse, and the clock that everybody has. */
function puppet() {
  let nowMs = 0;
  const kept = new Map<string, { readonly value: string; readonly untilMs: number }>();
  const live = (key: string) => ((kept.get(key)?.untilMs ?? 0) > nowMs ? kept.get(key) : undefined);
  const commands = {
    get: async (key: string) => live(key)?.value ?? null,
    async set(key: string, value: string, _px: 'PX', ms: number) {
      if (live(key)) return null;
      kept.set(key, { value, untilMs: nowMs + ms });
      return 'OK';
    },
    del: async (key: string) => Number(kept.delete(key)),
  } as unknown as Pick<Redis, 'get' | 'set' | 'del'>;
  const time = { now: () => nowMs, pause: async (ms: number) => void (nowMs += ms) };
  return { turn: createClaimTurns(commands, '{by0}', time), pass: (ms: number) => (nowMs += ms), now: () => nowMs };
}

test('one at a time has the turn of a claim, and other claims have turns of their own', async () => {
  const { turn, now } = puppet();
  const first = await turn('a');
  assert.equal(first.kind, 'held');
  assert.equal((await turn('b')).kind, 'held');
  assert.equal(now(), 0);
  assert.equal((await turn('a')).kind, 'busy');
  assert.equal(now(), 1_000);
  if (first.kind === 'held') await first.giveBack();
  assert.equal((await turn('a')).kind, 'held');
});

test('a turn that is not given back lapses, and who had it takes nothing from the next', async () => {
  const { turn, pass } = puppet();
  const first = await turn('a');
  pass(2_500);
  assert.equal((await turn('a')).kind, 'held');
  if (first.kind === 'held') await first.giveBack();
  assert.equal((await turn('a')).kind, 'busy');
});
