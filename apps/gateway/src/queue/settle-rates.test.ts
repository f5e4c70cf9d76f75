/** Several gateways on one bucket, by a clock that the test turns. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { RowsUsed } from '@batchyard/queue/access';

import { createRates } from './settle-rates.ts';

const RATE = { rows_per_second: 100, burst: 50 };

/** The bucket in Redis, and gateways that settle with it after `delayMs`. */
function puppets(count: number) {
  let nowMs = 0;
  let away = false;
  let calls = 0;
  let [level, atMs] = [RATE.burst, 0];
  let due: { readonly at: number; readonly run: () => void }[] = [];
  const settle = async (used: readonly RowsUsed[]): Promise<number[]> => {
    calls += 1;
    if (away) throw new Error('Redis is away');
    return used.map(({ rows }) => {
      level = Math.min(RATE.burst, level + ((nowMs - atMs) * RATE.rows_per_second) / 1_000) - rows;
      atMs = nowMs;
      return level;
    });
  };
  const parts = {
    settle,
    now: () => nowMs,
    later: (run: () => void, ms: number) => void due.push({ at: nowMs + ms, run }),
  };
  const meters = Array.from({ length: count }, () => createRates(parts).meterOf('k', RATE));
  return {
    meters,
    calls: () => calls,
    setAway: (is: boolean) => void (away = is),
    async advance(ms: number): Promise<void> {
      nowMs += ms;
      const now = due.filter(({ at }) => at <= nowMs);
      due = due.filter(({ at }) => at > nowMs);
      for (const { run } of now) run();
      await new Promise(setImmediate);
    },
  };
}

/** Rows that get through in so long, by whoever asks every millisecond. */
async function through({ meters, advance }: ReturnType<typeof puppets>, ms: number): Promise<number> {
  let rows = 0;
  for (let i = 0; i < ms; i += 1) {
    for (const meter of meters) if (meter.take(1) === undefined) rows += 1;
    await advance(1);
  }
  return rows;
}

for (const gateways of [1, 2, 4])
  test(`${gateways} gateways together give what one would, and each one burst too much at most`, async () => {
    const all = puppets(gateways);
    const rows = await through(all, 10_000);
    const allowed = RATE.burst + 10 * RATE.rows_per_second;
    assert.ok(rows >= 0.95 * (allowed - RATE.burst), `${rows} of ${allowed}`);
    assert.ok(rows <= allowed + gateways * RATE.burst, `${rows} of ${allowed}`);
    // At most ten calls a second of each, whatever the number of requests.
    assert.ok(all.calls() <= gateways * 101 + gateways, `${all.calls()} calls`);
  });

test('one gateway of several may use all of it', async () => {
  const all = puppets(3);
  const rows = await through({ ...all, meters: all.meters.slice(0, 1) }, 5_000);
  assert.ok(rows >= 0.95 * (RATE.burst + 5 * RATE.rows_per_second), `${rows}`);
});

test('while Redis is away a gateway goes on by itself, and tells of it afterwards', async () => {
  const all = puppets(1);
  await all.advance(1);
  all.setAway(true);
  const rows = await through(all, 1_000);
  assert.ok(rows >= 140 && rows <= 152, `${rows}`);
  all.setAway(false);
  await all.advance(200);
  await all.advance(200);
  const [meter] = all.meters;
  assert.ok((meter?.state().left ?? 50) < 50);
});

test('an unused key is asked for once, and then never', async () => {
  const all = puppets(1);
  for (let i = 0; i < 50; i += 1) await all.advance(100);
  assert.equal(all.calls(), 1);
  assert.deepEqual(all.meters[0]?.state(), { burst: 50, windowS: 1, left: 50, fullInS: 0 });
});
