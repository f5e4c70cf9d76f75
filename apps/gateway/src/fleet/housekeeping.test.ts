import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createHousekeeping, silenceLimitMs } from './housekeeping.ts';

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
      { worker: 'well', silentMs: 900, named: true },
      { worker: 'silent', silentMs: 10_001, named: true },
    ],
    connectedWorkers: async () => new Set(['well', 'silent']),
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

const DEATH = [
  'claim silent',
  'release silent:1',
  'a silent worker is dead: {"worker":"silent","limitMs":10000,"jobs":3}',
];

test('each second queues are swept and silent workers judged, every other lost jobs are looked for', async () => {
  const { told, keeping } = house();
  await keeping.run(1_000);
  assert.deepEqual(told.splice(0), ['sweep m@1', ...DEATH]);
  await keeping.run(2_000);
  assert.deepEqual(told, ['sweep m@1', 'recover m@1', ...DEATH]);
});

test('three seconds of silence are enough where the worker has no connection, and nowhere else', () => {
  const named = { worker: 'w', named: true };
  assert.equal(silenceLimitMs(named, new Set(['other'])), 3_000);
  assert.equal(silenceLimitMs(named, new Set(['w'])), 10_000);
  // CLIENT LIST, or naming a connection, may not be permitted.
  assert.equal(silenceLimitMs(named, undefined), 10_000);
  assert.equal(silenceLimitMs({ worker: 'w', named: false }, new Set()), 10_000);
});

test('a worker that vanished is dead after three seconds, a stopped one is not', async () => {
  const { told, keeping } = house({
    silences: () => [
      { worker: 'vanished', silentMs: 3_100, named: true },
      { worker: 'stopped', silentMs: 3_100, named: true },
    ],
    connectedWorkers: async () => new Set(['stopped']),
  });
  await keeping.run(1_000);
  assert.deepEqual(told, [
    'sweep m@1',
    'claim vanished',
    'release vanished:1',
    'a silent worker is dead: {"worker":"vanished","limitMs":3000,"jobs":3}',
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
