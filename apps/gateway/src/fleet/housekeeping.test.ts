import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createHousekeeping } from './housekeeping.ts';

type Steps = Parameters<typeof createHousekeeping>[0];

function house(over: Partial<Steps> = {}) {
  const told: string[] = [];
  const steps: Steps = {
    queues: async () => ['m@1'],
    sweep: async (queue) => void told.push(`sweep ${queue}`),
    async recoverLapsed(queue) {
      told.push(`recover ${queue}`);
      return 0;
    },
    silences: () => [
      { worker: 'well', silentMs: 900 },
      { worker: 'silent', silentMs: 10_001 },
    ],
    async claimDead(worker) {
      told.push(`claim ${worker}`);
      return `${worker}:1`;
    },
    async releaseWorker(token) {
      told.push(`release ${token}`);
      return 3;
    },
    report: (event, detail) => void told.push(`${event}: ${JSON.stringify(detail)}`),
    ...over,
  };
  return { told, keeping: createHousekeeping(steps) };
}

test('queues are swept each second, and looked through for lost jobs and dead workers every other', async () => {
  const { told, keeping } = house();
  await keeping.run(1_000);
  assert.deepEqual(told.splice(0), ['sweep m@1']);
  await keeping.run(2_000);
  assert.deepEqual(told, [
    'sweep m@1',
    'recover m@1',
    'claim silent',
    'release silent:1',
    'a silent worker is dead: {"worker":"silent","jobs":3}',
  ]);
});

test('a worker that Redis has heard of meanwhile is left alone', async () => {
  const { told, keeping } = house({ claimDead: async () => undefined });
  await keeping.run(1_000);
  await keeping.run(2_000);
  assert.deepEqual(told, ['sweep m@1', 'sweep m@1', 'recover m@1']);
});

test('after Redis itself was away nobody is dead for a while', async () => {
  let away = true;
  const { told, keeping } = house({
    async queues() {
      if (away) throw new Error('Connection is closed.');
      return ['m@1'];
    },
  });
  await keeping.run(1_000);
  away = false;
  await keeping.run(2_000);
  assert.deepEqual(told, ['sweep m@1']);
  await keeping.run(9_000);
  await keeping.run(10_000);
  assert.ok(told.includes('release silent:1'));
});
