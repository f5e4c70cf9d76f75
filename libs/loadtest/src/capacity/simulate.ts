/**
 * A cluster on paper: requests come, idle sessions take batches by the very decisions of a worker (`Batcher`), and a run takes
 * as long as the measured latency table says. Events in the order of their times; the same for the same random numbers.
 *
 * What it leaves out: the gateway and Redis are a delay of every request (`overhead`), never a queue; workers do not take
 * cores from one another; priorities, shares and rests of the balancer do not exist, every session takes what waits.
 */
import { createBatcher, type Batcher } from '@batchyard/shared/batching/batcher';
import { createLatencyBook } from '@batchyard/shared/batching/latency-model';
import type { Batching } from '@batchyard/shared/contract/batching';
import type { LatencyPoint } from '@batchyard/shared/contract/heartbeat';

import type { NextTime } from '../plan/schedule.ts';

/** A time that is usually `p50_ms` and one time in a hundred above `p99_ms`. */
export type Spread = { readonly p50_ms: number; readonly p99_ms: number };

export type Cluster = {
  readonly workers: number;
  /** Of each worker. */
  readonly sessions: number;
  readonly batching: Batching;
  readonly table: readonly LatencyPoint[];
  readonly overhead: Spread;
  /** From the end of a run until the next one of its session can begin, though jobs wait. */
  readonly gapMs: number;
};
export type Arriving = {
  readonly next: NextTime;
  /** Of each request. */
  readonly rows: number;
  readonly timeoutMs: number;
};
export type Simulated = {
  readonly requests: number;
  readonly expired: number;
  /** Sorted, ms; of those that were answered. */
  readonly latencies: readonly number[];
  readonly rowsPerRun: number;
  /** Share of the sessions' time in which they ran. */
  readonly busy: number;
  readonly seconds: number;
};

/** Before a run is expected to end the next batch is taken: what a worker begins with (take-lead.ts). */
const LEAD_MS = 1.5;
/** Standard normal quantile of 0.99. */
const Z99 = 2.326;

type Job = { readonly rows: number; readonly queuedMs: number; readonly deadlineMs: number; readonly deaths: 0 };
type Session = { readonly batcher: Batcher; freeAtMs: number; batch: number; ready: boolean; busyMs: number };
type Event = { readonly atMs: number; readonly run: (nowMs: number) => void };

/** A binary heap of events by their time. */
function createAgenda() {
  const heap: Event[] = [];
  const swap = (a: number, b: number): void => {
    [heap[a], heap[b]] = [heap[b] as Event, heap[a] as Event];
  };
  const atOf = (index: number): number => heap[index]?.atMs ?? Number.POSITIVE_INFINITY;
  return {
    add(event: Event): void {
      let at = heap.push(event) - 1;
      for (let parent = (at - 1) >> 1; at > 0 && atOf(parent) > atOf(at); parent = (at - 1) >> 1) {
        swap(at, parent);
        at = parent;
      }
    },
    take(): Event | undefined {
      const first = heap[0];
      const last = heap.pop();
      if (heap.length === 0 || !last) return first;
      heap[0] = last;
      let at = 0;
      for (;;) {
        const [left, right] = [2 * at + 1, 2 * at + 2];
        const least = atOf(right) < atOf(left) ? right : left;
        if (atOf(least) >= atOf(at)) return first;
        swap(at, least);
        at = least;
      }
    },
  };
}

/** Log-normal with these quantiles, by two even random numbers (Box and Muller 1958). */
function drawFrom({ p50_ms: p50, p99_ms: p99 }: Spread, random: () => number): number {
  if (p50 <= 0) return 0;
  const sigma = Math.log(Math.max(1, p99 / p50)) / Z99;
  const z = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return p50 * Math.exp(sigma * z);
}

/**
 * How many times its median a run takes once in a hundred, the same for all sizes: the lower quartile of what they tell. The p99
 * of a window is its one slowest run, and a table never falls with size, so a single slow run of a small one stands in all above.
 */
export function usualTail(table: readonly LatencyPoint[]): number {
  const ratios = table.map(({ p50_ms: p50, p99_ms: p99 }) => (p50 > 0 ? p99 / p50 : 1)).toSorted((a, b) => a - b);
  return ratios[Math.floor((ratios.length - 1) / 4)] ?? 1;
}

/** Of a run that usually takes `usualMs` (of a log-normal distribution). */
export const meanRun = (usualMs: number, tail: number): number =>
  usualMs * Math.exp((Math.log(Math.max(1, tail)) / Z99) ** 2 / 2);

/** How many jobs from the front go into a batch that may have so many rows; at least one. */
function fitting(jobs: readonly Job[], maxRows: number): number {
  let [count, rows] = [0, 0];
  for (const job of jobs) {
    rows += job.rows;
    if (count > 0 && rows > maxRows) break;
    count += 1;
  }
  return count;
}

type Question = ReturnType<Batcher['nextTake']>;
/** What of the queue is taken now, or when to look again. */
function decide(queue: readonly Job[], asked: Question, nowMs: number): { take: number } | { untilMs: number } {
  const [oldest] = queue;
  const waiting = queue.reduce((sum, { rows }) => sum + rows, 0);
  const all = { take: fitting(queue, asked.maxRows) };
  if (!oldest || asked.lingerMs === 0) return all;
  const untilMs = Math.min(oldest.queuedMs + asked.lingerMs, oldest.deadlineMs - asked.spareMs);
  const preferred = asked.preferredRows.filter((rows) => rows <= waiting);
  if (preferred.length > 0) return { take: fitting(queue, Math.max(...preferred)) };
  const enough = asked.minRows > 0 && waiting >= asked.minRows;
  return enough || nowMs >= untilMs ? all : { untilMs };
}

type Parts = { readonly cluster: Cluster; readonly rows: number; readonly random: () => number };

/** The sessions and their queue. */
function createFloor({ cluster, random }: Parts, agenda: ReturnType<typeof createAgenda>) {
  const { table, batching, overhead, gapMs } = cluster;
  const book = createLatencyBook(table);
  const tail = usualTail(table);
  const sessions = Array.from({ length: cluster.workers }, () =>
    createBatcher(createLatencyBook(table), batching),
  ).flatMap((batcher) =>
    Array.from({ length: cluster.sessions }, (): Session => ({
      batcher,
      freeAtMs: 0,
      batch: 0,
      ready: true,
      busyMs: 0,
    })),
  );
  const latencies: number[] = [];
  let queue: Job[] = [];
  let [expired, runs, rowsRun, lookAtMs] = [0, 0, 0, Number.POSITIVE_INFINITY];

  function begin(session: Session, jobs: readonly Job[], slackMs: number, nowMs: number): void {
    const rows = jobs.reduce((sum, job) => sum + job.rows, 0);
    const startMs = Math.max(nowMs, session.freeAtMs);
    const usualMs = book.p50(rows);
    const tookMs = drawFrom({ p50_ms: usualMs, p99_ms: tail * usualMs }, random);
    const ended = session.batcher.begin({ rows, group: '-', slackMs }, startMs);
    const endMs = startMs + tookMs;
    session.freeAtMs = endMs + gapMs;
    session.busyMs += tookMs + gapMs;
    runs += 1;
    rowsRun += rows;
    for (const { queuedMs } of jobs) latencies.push(endMs - queuedMs + drawFrom(overhead, random));
    agenda.add({ atMs: endMs, run: ended });
    // Taken ahead of the end by what was expected of it; never before the run has begun.
    const readyMs = Math.max(startMs, Math.min(session.freeAtMs, startMs + usualMs + gapMs - LEAD_MS));
    agenda.add({
      atMs: readyMs,
      run(atMs) {
        session.ready = true;
        look(atMs);
      },
    });
  }
  function look(nowMs: number): void {
    while (queue.length > 0) {
      const free = sessions.filter(({ ready }) => ready);
      if (free.length === 0) return;
      const session = free.reduce((a, b) => (b.freeAtMs < a.freeAtMs ? b : a));
      const living = queue.filter(({ deadlineMs }) => deadlineMs >= nowMs);
      expired += queue.length - living.length;
      queue = living;
      if (queue.length === 0) return;
      const leadMs = Math.max(0, session.freeAtMs - nowMs);
      const decided = decide(queue, session.batcher.nextTake(session.batch + 1, nowMs, leadMs), nowMs);
      if ('untilMs' in decided) {
        if (decided.untilMs < lookAtMs || lookAtMs <= nowMs) {
          lookAtMs = decided.untilMs;
          agenda.add({ atMs: decided.untilMs, run: look });
        }
        return;
      }
      session.batch += 1;
      const taken = queue.slice(0, decided.take);
      const waiting = queue.length - taken.length;
      session.batcher.took(
        taken.reduce((sum, job) => sum + job.rows, 0),
        waiting,
        nowMs,
      );
      const jobs = taken.map((job) => ({ ...job, group: '-' }));
      const { take, slackMs } = session.batcher.nextRun(jobs, { nowMs, waiting });
      queue = queue.slice(take);
      session.ready = false;
      begin(session, taken.slice(0, take), slackMs, nowMs);
    }
  }
  return {
    arrive(job: Job, nowMs: number): void {
      queue.push(job);
      look(nowMs);
    },
    result: (endMs: number) => ({
      expired: expired + queue.length,
      latencies: latencies.toSorted((a, b) => a - b),
      rowsPerRun: runs === 0 ? 0 : rowsRun / runs,
      busy: sessions.reduce((sum, { busyMs }) => sum + busyMs, 0) / Math.max(1, endMs * sessions.length),
    }),
  };
}

/** @param random even in [0, 1), not the one that the arrivals are made with */
export function simulate(cluster: Cluster, { next, rows, timeoutMs }: Arriving, random: () => number): Simulated {
  const agenda = createAgenda();
  const floor = createFloor({ cluster, rows, random }, agenda);
  let [requests, endMs] = [0, 0];
  function arrive(): void {
    const atMs = next();
    if (atMs === undefined) return;
    agenda.add({
      atMs,
      run(nowMs) {
        requests += 1;
        floor.arrive({ rows, queuedMs: nowMs, deadlineMs: nowMs + timeoutMs, deaths: 0 }, nowMs);
        arrive();
      },
    });
  }
  arrive();
  for (let event = agenda.take(); event; event = agenda.take()) {
    endMs = Math.max(endMs, event.atMs);
    event.run(event.atMs);
  }
  return { requests, seconds: endMs / 1000, ...floor.result(endMs) };
}

/** The value that so many of a hundred do not exceed; null of nothing. */
export const percentileOf = ({ latencies }: Pick<Simulated, 'latencies'>, percent: number): number | null =>
  latencies[Math.max(0, Math.ceil((percent / 100) * latencies.length) - 1)] ?? null;
