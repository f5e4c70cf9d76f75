import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Taken, TakeRequest } from '@batchyard/queue/operations';

import { createBatcher } from '@batchyard/shared/batching/batcher';
import { createLatencyBook } from '@batchyard/shared/batching/latency-model';
import { createServeJobs } from './serve-jobs.ts';

type Parts = Parameters<typeof createServeJobs>[0];

/** A worker whose queue answers as told, one answer a take; it stops when there are no more. */
async function serveWith(
  takes: readonly (Taken | Error)[],
  returns: readonly (number | Error)[],
  leaves?: (signature: string) => boolean,
): Promise<string[]> {
  const told: string[] = [];
  const [answers, returned] = [[...takes], [...returns]];
  let batch = 0;
  const settled = (answer: unknown): unknown => {
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const jobs = createServeJobs({
    incarnation: { worker: 'w', token: () => 'w:1', renew: () => undefined, nextBatch: () => (batch += 1) },
    async take(_queue: string, request: TakeRequest) {
      told.push(`take ${request.batch}`);
      const answer = answers.shift();
      if (answers.length === 0) jobs.stop();
      return settled(answer) as Taken;
    },
    async giveBack(_queue, given, ids = []) {
      told.push(`give back ${given.token} ${given.batch} ${ids.join(',')}`.trim());
      return settled(returned.shift());
    },
    markStarted: async () => undefined,
    renew: async () => [],
    awaitWork: async (_queue, limitMs) => void (limitMs !== undefined && told.push(`await work for ${limitMs} ms`)),
    prepare(_served, ran) {
      told.push(`run ${ran.map(({ id }) => id).join(',')}`);
      return { execute: async () => undefined, settled: Promise.resolve() };
    },
    follow: { permit: () => ({}), took: () => undefined, leave: () => undefined },
    lockMs: 30_000,
    now: () => 0,
    pause: async (ms) => void told.push(`pause for ${ms} ms`),
  } satisfies Parts);
  const latency = createLatencyBook();
  const served = { queue: 'q', latency, ...(leaves ? { leaves } : {}) } as unknown as Parameters<typeof jobs.serve>[0];
  const batching = { strategy: 'fixed', max_rows: 4, max_wait_ms: 0, preferred_rows: [] } as const;
  await jobs.serve(served, createBatcher(latency, { ...batching, preferred_rows: [] }));
  return told;
}

const nothing: Taken = { kind: 'nothing', nowMs: 0 };
const broken = new Error('Connection is closed.');

test('a batch whose take was not answered is given back before the next is taken', async () => {
  assert.deepEqual(await serveWith([broken, nothing], [1]), ['take 1', 'pause for 20 ms', 'give back w:1 1', 'take 2']);
});

test('a batch that fills is waited for until more jobs come; what is too young is left alone', async () => {
  const later = (inMs: number, filling: boolean): Taken => ({ kind: 'later', inMs, nowMs: 0, filling });
  const told = await serveWith([later(7, true), later(9, false), nothing], []);
  assert.deepEqual(told, ['take 1', 'await work for 7 ms', 'take 2', 'pause for 9 ms', 'take 3']);
});

test('nothing is taken until Redis has answered that the batch went back', async () => {
  assert.deepEqual(await serveWith([broken, nothing, nothing], [broken, 1]), [
    'take 1',
    'pause for 20 ms',
    'give back w:1 1',
    'pause for 40 ms',
    'give back w:1 1',
    'take 3',
    'take 4',
  ]);
});

test('jobs of a file that only another worker has go back, and are left alone for a moment', async () => {
  const jobsOf = (...signatures: string[]): Taken => ({
    kind: 'jobs',
    jobs: signatures.map((signature, i) => ({
      id: `${signature}${i}`,
      signature,
      rows: 1,
      deaths: 0,
      deadlineMs: 1_000,
    })) as unknown as Extract<Taken, { kind: 'jobs' }>['jobs'],
    waiting: 1,
    nowMs: 0,
  });
  const told = await serveWith(
    [jobsOf('own', 'new', 'own'), jobsOf('new', 'new'), nothing],
    [1, 2],
    (signature) => signature === 'new',
  );
  assert.deepEqual(
    told.filter((one) => !one.startsWith('await work')),
    [
      'take 1',
      'give back w:1 1 new1',
      'run own0,own2',
      'pause for 0 ms',
      'take 2',
      'give back w:1 2 new0,new1',
      'pause for 50 ms',
      'take 3',
    ],
  );
});

test('a run that hangs keeps its batch, which counts as started; what else is held goes back', async () => {
  const told: string[] = [];
  const never = new Promise<void>(() => undefined);
  const taken = (id: string): Taken => ({
    kind: 'jobs',
    jobs: [{ id, rows: 1, deaths: 0, deadlineMs: 1_000 }] as unknown as Extract<Taken, { kind: 'jobs' }>['jobs'],
    waiting: 1,
    nowMs: 0,
  });
  let batch = 0;
  const jobs = createServeJobs({
    incarnation: { worker: 'w', token: () => 'w:1', renew: () => undefined, nextBatch: () => (batch += 1) },
    take: async (_queue, request) => taken(`job ${request.batch}`),
    giveBack: async (queue, given, ids = []) => told.push(`give back ${queue} ${given.batch} ${ids.join(',')}`),
    markStarted: async (token, batches) => void told.push(`started ${token} ${batches.join(',')}`),
    renew: async () => [],
    awaitWork: () => never,
    prepare: () => ({ execute: () => never, settled: never }),
    follow: { permit: () => ({}), took: () => undefined, leave: () => undefined },
    lockMs: 30_000,
    now: () => 0,
    pause: async () => undefined,
  } satisfies Parts);
  const latency = createLatencyBook();
  for (const queue of ['q', 'other'])
    void jobs.serve(
      { queue, latency } as unknown as Parameters<typeof jobs.serve>[0],
      createBatcher(latency, { strategy: 'fixed', max_rows: 1, max_wait_ms: 0, preferred_rows: [] }),
    );
  // Each queue runs one batch and has prepared the next.
  while (jobs.inFlight() < 4) await Promise.resolve();
  await jobs.abandon('q');
  assert.deepEqual(told.slice(-4), [
    'started w:1 1',
    'give back other 2 job 2',
    'give back q 3 job 3',
    'give back other 4 job 4',
  ]);
});
