/**
 * STORY 2. From a waiting job to its result: taken in the order the queue decides, run as one batch, finished. While a
 * batch runs the next one is taken late, when the running one is about to end, so that more urgent jobs still come first
 * and the session never idles.
 */
import type { Taken, TakenJob, TakeRequest } from '@batchyard/queue/operations';

import type { Batcher } from '@batchyard/shared/batching/batcher';
import type { BatchReason } from '@batchyard/shared/batching/decide-batch';
import { createHeldJobs, type HeldBatch, type HeldJobs } from './batching/held-jobs.ts';
import { createRunGate } from './batching/run-gate.ts';
import { createTakeLead } from './batching/take-lead.ts';
import type { Follower } from './control/follow.ts';
import type { PreparedBatch } from './run-batch.ts';
import type { BatchTicket, ServedModel } from './run-rows.ts';

export type Incarnation = {
  readonly worker: string;
  token(): string;
  /** Takes a new identity. */ renew(): void;
  nextBatch(): number;
};

type Jobs = readonly TakenJob[];
type Ended = ReturnType<Batcher['begin']>;
type BatchName = Pick<TakeRequest, 'token' | 'batch'>;

type Parts = {
  readonly incarnation: Incarnation;
  readonly take: (queue: string, request: TakeRequest) => Promise<Taken>;
  readonly giveBack: (queue: string, batch: BatchName, ids?: readonly string[]) => Promise<unknown>;
  readonly markStarted: (token: string, batches: readonly number[]) => Promise<void>;
  readonly renew: (queue: string, token: string, ids: readonly string[], lockMs: number) => Promise<string[]>;
  /** Sleeps until the queue may have work, a second or `limitMs` at most. */
  readonly awaitWork: (queue: string, limitMs?: number) => Promise<void>;
  readonly prepare: (
    served: ServedModel,
    jobs: readonly TakenJob[],
    ticket: BatchTicket,
    reason: BatchReason,
  ) => PreparedBatch;
  /** What the gateway that steers lets it do. */
  readonly follow: Pick<Follower, 'permit' | 'took' | 'leave'>;
  readonly lockMs: number;
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
};

export type ServeJobs = {
  /** Serves one model until `stop`; resolves when nothing of it is held any more. */
  serve(served: ServedModel, batcher: Batcher): Promise<void>;
  /** Extends the locks of all that is held. */
  renewHeld(): Promise<void>;
  stop(): void;
  /** The run of this queue will not end: its batch, and no other, counts as started; all else that is held goes back. */
  abandon(queue: string): Promise<void>;
  inFlight(): number;
};

const rowsOf = (jobs: Jobs): number => jobs.reduce((sum, job) => sum + job.rows, 0);

const LONGEST_BACK_OFF_MS = 1_000;
/** Who may take nothing looks again so soon. */
const IDLE_MS = 50;

/**
 * Takes and gives back so that nothing stays ours without our knowing: a batch whose take was not answered may have been
 * taken all the same, and jobs whose return was not answered may not have returned. Their locks would live on, so nothing
 * more is taken before they have gone back.
 */
function createTaker({ take, giveBack }: Parts, { queue, leaves }: ServedModel) {
  const owed: { batch: BatchName; ids: readonly string[] }[] = [];

  async function pay(): Promise<void> {
    for (let debt = owed[0]; debt; debt = owed[0]) {
      await giveBack(queue, debt.batch, debt.ids);
      owed.shift();
    }
  }
  function back(batch: BatchName, ids: readonly string[]): void {
    void giveBack(queue, batch, ids).catch(() => owed.push({ batch, ids }));
  }
  /** Jobs of a file that only another worker has go back to their places, and are left alone for a moment. */
  function withoutOthers(batch: BatchName, taken: Taken): Taken {
    if (taken.kind !== 'jobs' || !leaves) return taken;
    const others = taken.jobs.filter((job) => leaves(job.signature));
    if (others.length === 0) return taken;
    back(
      batch,
      others.map((job) => job.id),
    );
    const own = taken.jobs.filter((job) => !others.includes(job));
    if (own.length > 0) return { ...taken, jobs: own };
    return { kind: 'later', inMs: IDLE_MS, nowMs: taken.nowMs, filling: false };
  }
  return {
    /** @returns undefined when Redis did not answer */
    async take(request: TakeRequest): Promise<Taken | undefined> {
      try {
        await pay();
      } catch {
        return undefined;
      }
      try {
        return withoutOthers(request, await take(queue, request));
      } catch {
        owed.push({ batch: { token: request.token, batch: request.batch }, ids: [] });
        return undefined;
      }
    },
    giveBack: back,
  };
}

/** Runs a prepared batch: alone in the process where a job of it has seen a death. */
function createRunner({ markStarted, now }: Parts, held: HeldJobs) {
  const gate = createRunGate();
  return async function run(batch: HeldBatch, prepared: PreparedBatch, jobs: Jobs, begin: () => Ended): Promise<void> {
    await gate.enter(jobs.some((job) => job.deaths > 0));
    const ended = begin();
    // The mark is on the socket before the batch is handed over, so that a crash inside native code counts.
    void markStarted(batch.token, held.begin(batch)).catch(() => undefined);
    await prepared.execute();
    ended(now());
    held.end(batch);
    gate.leave();
    const ids = jobs.map((job) => job.id);
    void prepared.settled.then(() => held.drop(batch.token, ids));
  };
}

type Permit = NonNullable<ReturnType<Follower['permit']>>;

/** What the permit leaves to a worker that holds so many jobs, as a take asks for it. */
const boundsOf = ({ shareOf, ...bounds }: Permit, held: number) =>
  shareOf === undefined ? bounds : { ...bounds, share: { workers: shareOf, held } };

/** One run after the other, and the next batch taken just before it can run. */
function createPipeline({ now, pause }: Pick<Parts, 'now' | 'pause'>) {
  const lead = createTakeLead();
  let running: Promise<void> = Promise.resolve();
  let [endedAt, expectedEndMs] = [0, 0];
  /** Whether there was work for the session all along. */
  let wasBusy = false;
  return {
    /** Until the session is free, as far as is known, ms. */
    leftMs: () => Math.max(0, expectedEndMs - now()),
    /** Resolves when a batch that is ready may run. @param moreWaits beside it */
    async free(moreWaits: boolean): Promise<void> {
      const readyAt = now();
      await running;
      if (wasBusy && moreWaits) lead.idled(Math.max(0, readyAt - endedAt));
      wasBusy = moreWaits;
    },
    /** There was nothing to take: that the session idles is not for a take that came too late. */
    lacksWork(): void {
      wasBusy = false;
    },
    /** Resolves when the next batch should be taken. @param runMs that it is expected to take */
    async begin(run: Promise<void>, runMs: number): Promise<void> {
      running = run.finally(() => (endedAt = now()));
      expectedEndMs = now() + runMs;
      await Promise.race([running, pause(Math.max(0, runMs - lead.ms(runMs)))]);
    },
    ended: () => running,
  };
}

export function createServeJobs(parts: Parts): ServeJobs {
  const { incarnation, lockMs, now, pause, follow } = parts;
  const held = createHeldJobs();
  const run = createRunner(parts, held);
  let stopped = false;

  async function serve(served: ServedModel, batcher: Batcher): Promise<void> {
    const { queue, latency } = served;
    const pipeline = createPipeline(parts);
    const taker = createTaker(parts, served);
    let backOffMs = 20;
    // No marker wakes who rests.
    const awaitWork = () => parts.awaitWork(queue, follow.permit(queue, now())?.restMs || undefined);
    while (!stopped && !served.closed?.()) {
      const permit = follow.permit(queue, now());
      if (!permit) {
        await pause(IDLE_MS);
        continue;
      }
      const token = incarnation.token();
      const batch = incarnation.nextBatch();
      const decided = batcher.nextTake(batch, now(), pipeline.leftMs());
      const request = { token, batch, lockMs, ...boundsOf(permit, held.of(queue)), ...decided };
      const taken = await taker.take(request);
      if (taken === undefined) {
        await pause(backOffMs);
        backOffMs = Math.min(LONGEST_BACK_OFF_MS, backOffMs * 2);
        continue;
      }
      backOffMs = 20;
      if (taken.kind !== 'jobs') pipeline.lacksWork();
      switch (taken.kind) {
        case 'jobs': {
          const group = taken.jobs[0]?.group ?? '-';
          const { take, reason, slackMs } = batcher.nextRun(taken.jobs, taken);
          batcher.took(rowsOf(taken.jobs), taken.waiting, now());
          follow.took(queue, now());
          const later = taken.jobs.slice(take).map((job) => job.id);
          if (later.length > 0) taker.giveBack({ token, batch }, later);
          const named: HeldBatch = { queue, token, batch, lockedAt: now() };
          const jobs = held.hold(named, taken.jobs.slice(0, take));
          if (jobs.length === 0) break;
          const when = { takenAt: now(), takenMs: taken.nowMs, lockedAt: () => named.lockedAt };
          const ticket = { worker: incarnation.worker, token, batch, ...when };
          const prepared = parts.prepare(served, jobs, ticket, reason);
          await pipeline.free(taken.waiting > 0);
          const rows = rowsOf(jobs);
          const begin = (): Ended => batcher.begin({ rows, group, slackMs: ticket.takenAt + slackMs - now() }, now());
          await pipeline.begin(run(named, prepared, jobs, begin), latency.of(group).p50(rows));
          // Nothing more waited: the marker of whatever comes next rings the bell.
          if (taken.waiting === 0 && later.length === 0) await awaitWork();
          break;
        }
        case 'later':
          if (taken.filling) await parts.awaitWork(queue, taken.inMs);
          else {
            // What waits is for others until then.
            if (Object.keys(permit).length > 0) follow.leave(queue, now() + taken.inMs);
            await pause(Math.min(taken.inMs, LONGEST_BACK_OFF_MS));
          }
          break;
        case 'dead':
          // The serving of another model may have heard it before and gone on.
          if (incarnation.token() === token) incarnation.renew();
          held.clear(token);
          break;
        case 'paused':
        case 'nothing':
          await awaitWork();
          break;
      }
    }
    await pipeline.ended();
    while (held.has(queue)) await pause(5);
  }

  return {
    serve,
    async renewHeld() {
      for (const { token, queue, ids } of held.owned()) {
        const sentAt = now();
        const lost = await parts.renew(queue, token, ids, lockMs);
        held.drop(token, lost);
        held.renewed({ queue, token }, sentAt);
      }
    },
    async abandon(hung) {
      stopped = true;
      const own = held.running(hung).map(({ batch }) => batch);
      await parts.markStarted(held.running(hung)[0]?.token ?? incarnation.token(), own);
      for (const { queue, ids, token, batch } of held.batches())
        if (!own.includes(batch)) await parts.giveBack(queue, { token, batch }, ids);
    },
    stop() {
      stopped = true;
    },
    inFlight: held.size,
  };
}
