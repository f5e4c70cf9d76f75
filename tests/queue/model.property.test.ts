/**
 * The scripts against a plain model of the queue: random histories of every step by several workers, where a worker may
 * die or fall silent between any two calls, takes wait for more or rest, jobs are delayed, places are few, and claims and
 * webhooks among the durable ones. After each step the order taken, the outcomes and every job's state agree;
 * at the end every accepted job has exactly one terminal state, each of which a webhook was told, and the index of durable jobs has those that are there.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import type { NewJob, Taken, TakeRequest } from '@batchyard/queue/operations';
import type { JobKind } from '@batchyard/shared/contract/job';
import { PRIORITY_CLASSES } from '@batchyard/shared/contract/job';
import { WEBHOOKS } from '@batchyard/shared/contract/webhook';
import fc from 'fast-check';

import * as plain from './plain-queue.ts';
import { finished, newJob, PREFIX, QUEUE, startQueue, type QueueUnderTest } from './queue-under-test.ts';

/** How a take may wait for more, or leave what waits to others. */
type Waits = Pick<TakeRequest, 'minRows' | 'lingerMs' | 'preferredRows' | 'spareMs' | 'restMs' | 'restRows'>;
type Added = Pick<NewJob, 'kind' | 'priority' | 'rows' | 'group' | 'delayMs'> & {
  readonly claim: string | undefined;
  readonly hook: boolean;
};
type Step =
  | {
      readonly do: 'add';
      readonly jobs: readonly Added[];
    }
  | {
      readonly do: 'take';
      readonly worker: number;
      readonly maxRows: number;
      readonly start: boolean;
      readonly waits: Waits;
    }
  | { readonly do: 'finish' | 'fail'; readonly worker: number; readonly part: number }
  | { readonly do: 'giveBack' | 'die'; readonly worker: number }
  | { readonly do: 'lapse' }
  | { readonly do: 'drain'; readonly most: number }
  | { readonly do: 'clean'; readonly set: 'completed' | 'failed' }
  | { readonly do: 'cancel' | 'expire' | 'retry'; readonly pick: number };

const worker = fc.nat({ max: 2 });
const job = fc.record({
  kind: fc.constantFrom<JobKind>('attached', 'durable'),
  priority: fc.constantFrom(...PRIORITY_CLASSES),
  rows: fc.integer({ min: 1, max: 3 }),
  group: fc.constantFrom('-', 'a'),
  delayMs: fc.constantFrom(undefined, undefined, 1, 60_000),
  claim: fc.constantFrom(undefined, undefined, undefined, 'one', 'two'),
  hook: fc.boolean(),
});
const HOOK = { url: 'https://receiver.example/', queue: QUEUE, tenant: '-', submittedMs: 1 };

/** Claims and webhooks are for durable jobs only. */
function jobOf({ claim: key, hook, ...rest }: Added): NewJob {
  if (rest.kind === 'attached') return newJob(rest);
  const claim = key === undefined ? undefined : { key, record: key };
  return newJob({ ...rest, gateway: hook ? WEBHOOKS : '', extras: { claim, webhook: hook ? HOOK : undefined } });
}
const LONG_MS = 60_000;
/** Deadlines are 30 s away: with so much to spare there is nothing left to wait for. */
const ALL_MS = 30_000;
const waits: fc.Arbitrary<Waits> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  {
    weight: 2,
    arbitrary: fc.record({ preferredRows: fc.subarray([2, 4, 6]), lingerMs: fc.constantFrom(0, 5, LONG_MS) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      minRows: fc.integer({ min: 1, max: 8 }),
      lingerMs: fc.constantFrom(5, LONG_MS),
      spareMs: fc.constantFrom(0, ALL_MS),
    }),
  },
  { weight: 1, arbitrary: fc.record({ restMs: fc.constantFrom(5, LONG_MS), restRows: fc.constantFrom(0, 2, 5) }) },
);
const limits: fc.Arbitrary<plain.PlainLimits> = fc.record({
  maxWaiting: fc.constantFrom(10_000, 10_000, 12),
  limits: fc.option(
    fc.record({
      total: fc.constantFrom(0, 9),
      byClass: fc.array(fc.constantFrom(0, 3), { minLength: 4, maxLength: 4 }),
    }),
    { nil: undefined },
  ),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('add' as const), jobs: fc.array(job, { minLength: 1, maxLength: 5 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('take' as const),
      worker,
      maxRows: fc.integer({ min: 1, max: 8 }),
      start: fc.boolean(),
      waits,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('finish' as const, 'fail' as const), worker, part: fc.nat({ max: 3 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('giveBack' as const, 'die' as const), worker }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lapse' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('drain' as const), most: fc.integer({ min: 1, max: 6 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('clean' as const),
      set: fc.constantFrom('completed' as const, 'failed' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('cancel' as const, 'expire' as const, 'retry' as const),
      pick: fc.nat({ max: 30 }),
    }),
  },
);

let under: QueueUnderTest;
before(async () => {
  under = await startQueue();
});
after(() => under.close());

/** Runs one history on both and compares as it goes. */
async function runHistory(bounds: plain.PlainLimits, steps: readonly Step[]): Promise<void> {
  const { queue, commands } = under;
  const registry = await commands.hgetall(`${PREFIX}:x:queues`);
  await commands.flushall();
  await commands.hset(`${PREFIX}:x:queues`, registry);
  const model = plain.createPlainQueue();
  const incarnation = [0, 0, 0];
  const token = (n: number): string => `w${n}:${incarnation[n]}`;
  const holds = (n: number): string[] => [...model.jobs.values()].filter((j) => j.owner === token(n)).map((j) => j.id);
  const pickId = (n: number): string | undefined => [...model.jobs.keys()][n];
  const startedBy = (t: string): number[] =>
    [...model.started].filter((one) => one.startsWith(`${t} `)).map((one) => Number(one.split(' ')[1]));
  let batch = 0;
  let place = 0;

  async function take(n: number, maxRows: number, { start, ...how }: Waits & { start: boolean }): Promise<void> {
    batch += 1;
    const request = { token: token(n), batch, maxRows, ...how };
    const taken = await queue.take(QUEUE, { ...request, lockMs: 30_000 });
    assert.ok(taken.kind !== 'dead');
    const { nowMs } = taken;
    assert.deepEqual(told(taken), plain.plainTake(model, request, nowMs));
    if (start) {
      await queue.markStarted(token(n), [...startedBy(token(n)), batch]);
      model.started.add(`${token(n)} ${batch}`);
    }
  }

  const run = {
    async add(s: Extract<Step, { do: 'add' }>) {
      const jobs = s.jobs.map(jobOf);
      const outcomes = await queue.addMany(QUEUE, jobs, bounds);
      const expected: string[] = [];
      for (const j of jobs) {
        const view = await queue.view(QUEUE, j.id);
        const { id, kind, priority, rows, group, delayMs } = j;
        const claim = j.extras?.claim?.key;
        const fresh = {
          owner: undefined,
          batch: 0,
          deaths: 0,
          deliveries: 0,
          cancelled: false,
          claim,
          hook: j.extras?.webhook !== undefined,
          ends: 0,
          status: 'queued' as const,
        };
        const q = view?.queuedMs ?? 0;
        const times = { q, dl: view?.deadlineMs ?? 0, place: (place += 1) };
        const delayedAt = delayMs === undefined ? undefined : q + delayMs;
        const added = { id, kind, priority, rows, group, delayedAt, ...times, ...fresh };
        expected.push(plain.plainAdd(model, added, bounds));
      }
      assert.deepEqual(outcomes, expected);
    },
    take: (s: Extract<Step, { do: 'take' }>) => take(s.worker, s.maxRows, { ...s.waits, start: s.start }),
    async finish(s: { worker: number; part: number }) {
      const ids = holds(s.worker).slice(0, s.part);
      const outcomes = await queue.finish(
        QUEUE,
        token(s.worker),
        ids.map((id) => finished(id)),
      );
      assert.deepEqual(
        outcomes,
        ids.map((id) => plain.plainFinish(model, token(s.worker), id)),
      );
    },
    async fail(s: { worker: number; part: number }) {
      const ids = holds(s.worker).slice(0, s.part);
      const failures = ids.map((id) => ({ id, code: 'model_error' as const, message: 'no' }));
      assert.deepEqual(
        await queue.fail(QUEUE, token(s.worker), failures),
        ids.map((id) => plain.plainFail(model, token(s.worker), id)),
      );
    },
    async giveBack(s: { worker: number }) {
      const owner = token(s.worker);
      const batches = new Map<number, string[]>();
      for (const id of holds(s.worker)) {
        const number = model.jobs.get(id)?.batch ?? 0;
        batches.set(number, [...(batches.get(number) ?? []), id]);
      }
      // By their names or as what nobody heard of, it is the same.
      for (const [number, ids] of batches)
        assert.equal(
          await queue.giveBack(QUEUE, { token: owner, batch: number }, number % 2 === 0 ? ids : []),
          ids.length,
        );
      plain.plainGiveBack(model, owner);
    },
    async die(s: { worker: number }) {
      const dead = token(s.worker);
      const late = holds(s.worker);
      await queue.releaseWorker(dead);
      plain.plainRelease(model, dead);
      assert.deepEqual(
        await queue.finish(
          QUEUE,
          dead,
          late.map((id) => finished(id, 'late')),
        ),
        late.map(() => 'lost'),
      );
      incarnation[s.worker] = (incarnation[s.worker] ?? 0) + 1;
    },
    async lapse() {
      const locks = await commands.keys(`${PREFIX}:${QUEUE}:*:lock`);
      if (locks.length > 0) await commands.del(...locks);
      await queue.recoverLapsed(QUEUE);
      plain.plainLapse(model);
    },
    async drain(s: { most: number }) {
      assert.equal(await queue.drainJobs(QUEUE, s.most), plain.plainDrain(model, s.most));
    },
    async clean(s: { set: 'completed' | 'failed' }) {
      assert.equal(await queue.cleanJobs(QUEUE, s.set, 0, 1_000), plain.plainClean(model, s.set));
    },
    async cancel(s: { pick: number }) {
      const id = pickId(s.pick);
      if (id) assert.equal(await queue.cancel(QUEUE, id), plain.plainCancel(model, id));
    },
    async retry(s: { pick: number }) {
      const id = pickId(s.pick);
      const again = id && plain.plainRetry(model, id, place + 1, bounds.maxWaiting);
      if (!id) return;
      assert.equal(await queue.retry(QUEUE, id, { timeoutMs: 30_000, maxWaiting: bounds.maxWaiting }), again);
      if (again !== 'retried') return;
      place += 1;
      const view = await queue.view(QUEUE, id);
      Object.assign(model.jobs.get(id) ?? {}, { q: view?.queuedMs, dl: view?.deadlineMs });
    },
    async expire(s: { pick: number }) {
      const id = pickId(s.pick);
      const status = id && model.jobs.get(id)?.status;
      if (!id || status !== 'queued') return;
      await commands.hset(`${PREFIX}:${QUEUE}:${id}`, 'dl', 1);
      if (model.jobs.get(id)?.kind === 'durable') await commands.zadd(`${PREFIX}:x:${QUEUE}:deadlines`, 1, id);
      await queue.sweep(QUEUE);
      plain.plainExpire(model, id);
    },
  } as Record<Step['do'], (s: never) => Promise<void>>;

  for (const s of steps) {
    await run[s.do](s as never);
    await compare(model);
  }
  await drain(model, () => take(0, 8, { start: false }), token(0));
}

/** What the plain model says of a take. */
function told(taken: Taken): plain.PlainTaken {
  if (taken.kind === 'jobs') return { kind: 'jobs', ids: taken.jobs.map((j) => j.id) };
  if (taken.kind === 'later') return { kind: 'later', inMs: taken.inMs, filling: taken.filling };
  return { kind: taken.kind === 'dead' ? 'dead' : 'nothing' };
}

/** Every job's state, deliveries and deaths, and the counts of the sets. */
async function compare(model: plain.PlainQueue): Promise<void> {
  const { queue, commands } = under;
  const all = [...model.jobs.values()];
  for (const j of all) {
    const view = await queue.view(QUEUE, j.id);
    assert.equal(view?.status ?? 'gone', j.status, `state of ${j.id}`);
    if (j.status === 'queued' || j.status === 'running') {
      assert.equal(view?.deliveries, j.deliveries);
      assert.equal(Number((await commands.hget(`${PREFIX}:${QUEUE}:${j.id}`, 'stc')) ?? 0), j.deaths);
    }
  }
  const counts = await queue.counts(QUEUE);
  const number = (status: string): number => all.filter((j) => j.status === status).length;
  const index = await commands.zrange(`${PREFIX}:x:${QUEUE}:jobs`, '0', '-1');
  assert.deepEqual(
    index.map((member) => member.split(' ')[2]).toSorted(),
    all.flatMap((j) => (j.kind === 'durable' && j.status !== 'gone' ? [j.id] : [])).toSorted(),
  );
  assert.equal(counts.depth, number('queued'));
  assert.equal(counts.active, number('running'));
  assert.equal(counts.completed, number('succeeded'));
  assert.equal(counts.failed, number('failed') + number('cancelled') + number('expired'));
}

/** What is still open is run to its end; then no job may be open and no key left over. */
async function drain(model: plain.PlainQueue, takeSome: () => Promise<void>, token: string): Promise<void> {
  const { queue, commands } = under;
  const open = (): plain.PlainJob[] =>
    [...model.jobs.values()].filter((j) => j.status === 'queued' || j.status === 'running');
  while (open().length > 0) {
    await takeSome();
    for (const j of open().filter((one) => one.owner)) {
      const owner = j.owner ?? token;
      assert.deepEqual(await queue.finish(QUEUE, owner, [finished(j.id)]), [plain.plainFinish(model, owner, j.id)]);
    }
  }
  await compare(model);
  const kept = [...model.jobs.values()].filter((j) => j.status !== 'gone').map((j) => `${PREFIX}:${QUEUE}:${j.id}`);
  assert.deepEqual((await commands.keys(`${PREFIX}:${QUEUE}:aaaaaaa-*`)).toSorted(), kept.toSorted());
  assert.equal(await commands.zcard(`${PREFIX}:x:${QUEUE}:deadlines`), 0);
  await compareHooks(model);
}

/** Each end of a job with a webhook is one delivery, given once. */
async function compareHooks(model: plain.PlainQueue): Promise<void> {
  const { queue } = under;
  const given: string[] = [];
  for (let left = true; left;) {
    const taken = await queue.takeHooks({ most: 50, perHost: 1_000, hosts: [] });
    given.push(...taken.hooks.map(({ id, number }) => `${id} ${number}`));
    ({ left } = taken);
  }
  const expected: string[] = [];
  for (const { id, ends, hook } of model.jobs.values())
    if (hook) expected.push(...Array.from({ length: ends }, (_, i) => `${id} ${i + 1}`));
  assert.deepEqual(given.toSorted(), expected.toSorted());
}

test('random histories agree with the plain model, whatever dies in between', async () => {
  await fc.assert(fc.asyncProperty(limits, fc.array(step, { minLength: 5, maxLength: 40 }), runHistory), {
    numRuns: Number(process.env['PROPERTY_RUNS'] ?? 100),
  });
});
