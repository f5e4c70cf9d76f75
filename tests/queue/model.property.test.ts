/**
 * The scripts against a plain model of the queue: random histories of every step by several workers, where a worker may
 * die or fall silent between any two calls. After each step the order taken, the outcomes and every job's state agree;
 * at the end every accepted job has exactly one terminal state.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import type { JobKind, PriorityClass } from '@batchyard/shared/contract/job';
import { PRIORITY_CLASSES } from '@batchyard/shared/contract/job';
import fc from 'fast-check';

import * as plain from './plain-queue.ts';
import { finished, newJob, PREFIX, QUEUE, startQueue, type QueueUnderTest } from './queue-under-test.ts';

type Step =
  | {
      readonly do: 'add';
      readonly jobs: readonly { kind: JobKind; priority: PriorityClass; rows: number; group: string }[];
    }
  | { readonly do: 'take'; readonly worker: number; readonly maxRows: number; readonly start: boolean }
  | { readonly do: 'finish' | 'fail'; readonly worker: number; readonly part: number }
  | { readonly do: 'giveBack' | 'die'; readonly worker: number }
  | { readonly do: 'lapse' }
  | { readonly do: 'cancel' | 'expire' | 'retry'; readonly pick: number };

const worker = fc.nat({ max: 2 });
const job = fc.record({
  kind: fc.constantFrom<JobKind>('attached', 'durable'),
  priority: fc.constantFrom(...PRIORITY_CLASSES),
  rows: fc.integer({ min: 1, max: 3 }),
  group: fc.constantFrom('-', 'a'),
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
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('finish' as const, 'fail' as const), worker, part: fc.nat({ max: 3 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('giveBack' as const, 'die' as const), worker }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lapse' as const) }) },
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
async function runHistory(steps: readonly Step[]): Promise<void> {
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

  async function take(n: number, maxRows: number, start: boolean): Promise<void> {
    batch += 1;
    const taken = await queue.take(QUEUE, { token: token(n), batch, maxRows, lockMs: 30_000 });
    const got = taken.kind === 'jobs' ? taken.jobs.map((j) => j.id) : [];
    assert.deepEqual(got, plain.plainTake(model, token(n), batch, maxRows));
    if (start) {
      await queue.markStarted(token(n), [...startedBy(token(n)), batch]);
      model.started.add(`${token(n)} ${batch}`);
    }
  }

  const run = {
    async add(s: Extract<Step, { do: 'add' }>) {
      const jobs = s.jobs.map((j) => newJob(j));
      assert.deepEqual(
        await queue.addMany(QUEUE, jobs),
        jobs.map(() => 'added'),
      );
      for (const j of jobs) {
        const view = await queue.view(QUEUE, j.id);
        const { id, kind, priority, rows, group } = j;
        const fresh = {
          owner: undefined,
          batch: 0,
          deaths: 0,
          deliveries: 0,
          cancelled: false,
          status: 'queued' as const,
        };
        const times = { q: view?.queuedMs ?? 0, dl: view?.deadlineMs ?? 0, place: (place += 1) };
        model.jobs.set(id, { id, kind, priority, rows, group, ...times, ...fresh });
      }
    },
    take: (s: Extract<Step, { do: 'take' }>) => take(s.worker, s.maxRows, s.start),
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
    async cancel(s: { pick: number }) {
      const id = pickId(s.pick);
      if (id) assert.equal(await queue.cancel(QUEUE, id), plain.plainCancel(model, id));
    },
    async retry(s: { pick: number }) {
      const id = pickId(s.pick);
      const again = id && plain.plainRetry(model, id, place + 1);
      if (!id) return;
      assert.equal(await queue.retry(QUEUE, id, { timeoutMs: 30_000 }), again);
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
  await drain(model, () => take(0, 8, false), token(0));
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
}

test('random histories agree with the plain model, whatever dies in between', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), runHistory), {
    numRuns: Number(process.env['PROPERTY_RUNS'] ?? 100),
  });
});
