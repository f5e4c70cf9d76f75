import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Taken, TakenJob, TakeRequest } from '@batchyard/queue/operations';

import { createBatcher } from '@batchyard/shared/batching/batcher';
import { createLatencyBook } from '@batchyard/shared/batching/latency-model';
import type { ServedModel } from './run-rows.ts';
import { createServeJobs, type ServeJobs } from './serve-jobs.ts';
import { deferred, jobOf, MODEL } from './testing/samples.ts';

const batching = { strategy: 'adaptive' as const, max_rows: 8, max_wait_ms: 0, preferred_rows: [] };
const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));
async function until(met: () => boolean | undefined): Promise<void> {
  for (let turns = 0; met() !== true; turns += 1) {
    assert.ok(turns < 100, 'it never came to this');
    await turn();
  }
}
const servedAs = (queue: string, msPerRow = 1): ServedModel => ({
  model: MODEL,
  queue,
  latency: createLatencyBook([1, 8].map((rows) => ({ rows, p50_ms: rows * msPerRow, p99_ms: rows * msPerRow }))),
  run: async () => ({ outputs: [], runMs: 1 }),
});
const serveAs = (jobs: ServeJobs, queue: string, msPerRow = 1): Promise<void> => {
  const served = servedAs(queue, msPerRow);
  return jobs.serve(served, createBatcher(served.latency, batching));
};
const taken = (ids: string, waiting = 1): Taken => ({
  kind: 'jobs',
  jobs: Array.from(ids, (id) => jobOf(id)),
  waiting,
  nowMs: 0,
});

type Answer = Taken | Error | Promise<Taken>;
type Batch = {
  ids: string;
  reason: string;
  token: string;
  begun: boolean;
  lockedAt(): number;
  end(): void;
  settle(): void;
};

/**
 * Takes are answered as scripted, by queue; after the last one serving is stopped. Batches end and settle at once unless
 * they are `held`: then by the test.
 */
function puppet(script: Record<string, Answer[]>, held: { end?: boolean; settle?: boolean } = {}) {
  const requests: TakeRequest[] = [];
  const batches: Batch[] = [];
  const log = {
    pauses: [] as number[],
    waits: [] as string[],
    given: [] as string[],
    started: [] as string[],
    renewed: [] as string[],
  };
  const clock = { ms: 0 };
  let incarnations = 1;
  let batch = 0;
  let lost: string[] | Error = [];
  const jobs = createServeJobs({
    incarnation: {
      worker: 'w',
      token: () => `w:${incarnations}`,
      renew: () => void (incarnations += 1),
      nextBatch: () => (batch += 1),
    },
    async take(queue, request) {
      requests.push(request);
      const answer = script[queue]?.shift();
      if (answer === undefined) jobs.stop();
      if (answer instanceof Error) throw answer;
      return answer ?? { kind: 'later', inMs: 0, nowMs: 0, filling: false };
    },
    giveBack: async (queue, { token }, ids = []) => log.given.push(`${queue} ${token} ${ids.join('')}`),
    markStarted: async (token, numbers) => void log.started.push(`${token} ${numbers.join()}`),
    async renew(queue, token, ids, lockMs) {
      log.renewed.push(`${queue} ${token} ${ids.join('')} ${lockMs}`);
      if (lost instanceof Error) throw lost;
      return lost;
    },
    awaitWork: async (queue) => void log.waits.push(queue),
    prepare(_served, prepared, { token, lockedAt }, reason) {
      const ended = deferred<void>();
      const settled = deferred<void>();
      const one: Batch = {
        ids: prepared.map((job: TakenJob) => job.id).join(''),
        reason,
        token,
        begun: false,
        lockedAt,
        end: () => ended.resolve(),
        settle: () => settled.resolve(),
      };
      batches.push(one);
      if (!held.end) one.end();
      if (!held.settle) one.settle();
      return {
        settled: settled.promise,
        execute() {
          one.begun = true;
          return ended.promise;
        },
      };
    },
    follow: { permit: () => ({}), took: () => undefined, leave: () => undefined },
    lockMs: 30_000,
    now: () => clock.ms,
    async pause(ms) {
      log.pauses.push(ms);
      await turn();
    },
  });
  return {
    jobs,
    clock,
    requests,
    batches,
    ...log,
    lose: (...ids: string[]) => (lost = ids),
    refuseRenewal: () => (lost = new Error('away')),
    token: () => `w:${incarnations}`,
  };
}

test('a taken batch runs, marked as started, and its jobs are held until Redis was told', async () => {
  const { jobs, requests, batches, started } = puppet({ m: [taken('ab')] }, { settle: true });
  const serving = serveAs(jobs, 'm');
  await until(() => batches[0]?.begun);
  assert.equal(jobs.inFlight(), 2);
  assert.deepEqual(started, ['w:1 1']);
  const asked = createBatcher(servedAs('m').latency, batching).nextTake(1, 0, 0);
  assert.deepEqual(requests[0], { token: 'w:1', batch: 1, lockMs: 30_000, ...asked });
  batches[0]?.settle();
  await serving;
  assert.equal(jobs.inFlight(), 0);
});

test('while Redis cannot be asked the pauses double up to a second, and start anew after an answer', async () => {
  const away = Array.from({ length: 8 }, () => new Error('away'));
  const { jobs, pauses } = puppet({ m: [...away, { kind: 'nothing', nowMs: 0 }, new Error('away')] });
  await serveAs(jobs, 'm');
  assert.deepEqual(pauses.slice(0, 9), [20, 40, 80, 160, 320, 640, 1_000, 1_000, 20]);
});

test('what comes later is waited for, a second at most', async () => {
  const later = [7, 60_000].map((inMs): Taken => ({ kind: 'later', inMs, nowMs: 0, filling: false }));
  const { jobs, pauses } = puppet({ m: later });
  await serveAs(jobs, 'm');
  assert.deepEqual(pauses.slice(0, 2), [7, 1_000]);
});

test('with nothing to take it sleeps until the bell rings, and so while the queue is paused', async () => {
  const { jobs, waits } = puppet({
    m: [
      { kind: 'nothing', nowMs: 0 },
      { kind: 'paused', nowMs: 0 },
    ],
  });
  await serveAs(jobs, 'm');
  assert.deepEqual(waits, ['m', 'm']);
});

test('after a batch it sleeps only where nothing more waited', async () => {
  const { jobs, waits, batches } = puppet({ m: [taken('a', 2), taken('b', 0), taken('c', 1)] });
  await serveAs(jobs, 'm');
  assert.deepEqual(
    batches.map((one) => one.ids),
    ['a', 'b', 'c'],
  );
  assert.deepEqual(waits, ['m']);
});

test('the next batch is taken when the running one is about to end, and runs after it', async () => {
  const { jobs, batches, pauses } = puppet({ m: [taken('ab'), taken('c')] }, { end: true });
  const serving = serveAs(jobs, 'm', 10);
  await until(() => batches.length === 2);
  assert.deepEqual(pauses, [18.5]);
  await turn();
  assert.deepEqual(
    batches.map((one) => one.begun),
    [true, false],
  );
  batches[0]?.end();
  await turn();
  assert.equal(batches[1]?.begun, true);
  batches[1]?.end();
  await serving;
});

test('all batches that run are marked as started, those of other models too, and none that has ended', async () => {
  const { jobs, batches, started } = puppet({ m: [taken('a'), taken('c')], n: [taken('b')] }, { end: true });
  const serving = [serveAs(jobs, 'm'), serveAs(jobs, 'n')];
  await until(() => batches.length === 3);
  batches[0]?.end();
  await until(() => batches[2]?.begun);
  assert.deepEqual(started, ['w:1 1', 'w:1 1,2', 'w:1 2,3']);
  batches.forEach((one) => one.end());
  await Promise.all(serving);
});

test('a job that comes a second time joins the run in progress', async () => {
  const { jobs, batches } = puppet({ m: [taken('a'), taken('a'), taken('ab')] }, { settle: true });
  const serving = serveAs(jobs, 'm');
  await until(() => batches.length === 2);
  assert.deepEqual(
    batches.map((one) => one.ids),
    ['a', 'b'],
  );
  batches.forEach((one) => one.settle());
  await serving;
});

test('the tail that would make the batch miss its deadline is given back', async () => {
  const urgent = { kind: 'jobs', jobs: [], waiting: 0, nowMs: 100 } as const;
  const rows = ['a', 'b', 'c', 'd'].map((id) => jobOf(id, [1, 2], { deadlineMs: 105 }));
  const { jobs, batches, given, waits } = puppet({ m: [{ ...urgent, jobs: rows }] });
  await serveAs(jobs, 'm');
  assert.deepEqual([batches[0]?.ids, batches[0]?.reason], ['ab', 'deadline']);
  assert.deepEqual(given, ['m w:1 cd']);
  assert.deepEqual(waits, []);
});

test('a dead incarnation is renewed and what it held is dropped', async () => {
  const { jobs, requests, token } = puppet({ m: [taken('ab'), { kind: 'dead' }] }, { settle: true });
  await serveAs(jobs, 'm');
  assert.equal(jobs.inFlight(), 0);
  assert.equal(token(), 'w:2');
  assert.equal(requests.at(-1)?.token, 'w:2');
});

test('a late word of the death of an earlier incarnation leaves the present one alone', async () => {
  const word = deferred<Taken>();
  const { jobs, batches, token } = puppet({ m: [{ kind: 'dead' }, taken('a')], n: [word.promise] }, { settle: true });
  const serving = [serveAs(jobs, 'n'), serveAs(jobs, 'm')];
  await until(() => batches[0]?.begun);
  word.resolve({ kind: 'dead' });
  await turn();
  assert.equal(token(), 'w:2');
  assert.equal(jobs.inFlight(), 1);
  batches[0]?.settle();
  await Promise.all(serving);
});

test('a batch of a dead incarnation that settles late releases no job that was taken anew', async () => {
  const { jobs, batches } = puppet({ m: [taken('a'), { kind: 'dead' }, taken('a')] }, { settle: true });
  const serving = serveAs(jobs, 'm');
  await until(() => batches[1]?.begun);
  assert.deepEqual(
    batches.map((one) => one.token),
    ['w:1', 'w:2'],
  );
  batches[0]?.settle();
  await turn();
  assert.equal(jobs.inFlight(), 1);
  batches[1]?.settle();
  await serving;
});

test('what is held is renewed in one call for each queue, and what is no longer ours is dropped', async () => {
  const { jobs, batches, renewed, lose } = puppet({ m: [taken('ab'), taken('c')], n: [taken('d')] }, { settle: true });
  const serving = [serveAs(jobs, 'm'), serveAs(jobs, 'n')];
  await until(() => batches.length === 3);
  lose('b', 'd');
  await jobs.renewHeld();
  assert.deepEqual(renewed.toSorted(), ['m w:1 abc 30000', 'n w:1 d 30000']);
  assert.equal(jobs.inFlight(), 2);
  batches.forEach((one) => one.settle());
  await Promise.all(serving);
});

test('a batch knows when its lock was set last: by its take, then by each renewal that Redis answered', async () => {
  const { jobs, clock, batches, refuseRenewal } = puppet({ m: [taken('a'), taken('b')] }, { settle: true });
  const serving = serveAs(jobs, 'm');
  await until(() => batches.length === 2);
  assert.equal(batches[0]?.lockedAt(), 0);
  clock.ms = 10_000;
  await jobs.renewHeld();
  assert.deepEqual(
    batches.map((one) => one.lockedAt()),
    [10_000, 10_000],
  );
  clock.ms = 20_000;
  refuseRenewal();
  await assert.rejects(jobs.renewHeld());
  assert.equal(batches[0]?.lockedAt(), 10_000);
  batches.forEach((one) => one.settle());
  await serving;
});

test('a stop takes nothing more, and serving ends when the last batch has ended and was told', async () => {
  const { jobs, requests, batches } = puppet({ m: [taken('a'), taken('b')] }, { end: true, settle: true });
  let ended = false;
  const serving = serveAs(jobs, 'm', 10).then(() => (ended = true));
  await until(() => batches[0]?.begun);
  jobs.stop();
  for (const next of [() => undefined, () => batches[0]?.end()]) {
    next();
    await turn();
    await turn();
    assert.equal(ended, false);
  }
  batches[0]?.settle();
  await serving;
  assert.equal(requests.length, 1);
});

test('a run that hangs keeps its batch, which counts as started; what else is held goes back', async () => {
  const { jobs, started, given, batches } = puppet(
    {
      q: [taken('a'), taken('b'), new Promise<Taken>(() => undefined)],
      other: [taken('c'), new Promise<Taken>(() => undefined)],
    },
    { end: true, settle: true },
  );
  for (const queue of ['q', 'other']) void serveAs(jobs, queue);
  await until(() => batches.length === 3);
  await jobs.abandon('q');
  assert.deepEqual(started.at(-1), 'w:1 1');
  assert.deepEqual(given.toSorted(), ['other w:1 c', 'q w:1 b']);
});
