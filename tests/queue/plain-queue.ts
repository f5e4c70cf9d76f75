/**
 * The queue as a plain data structure: what the scripts must do, said once more without Redis. Times and places are
 * told by whoever adds (they come from Redis), so that the order of a take can be predicted exactly.
 */
import type { TakeRequest } from '@batchyard/queue/operations';
import type { QueueLimits } from '@batchyard/shared/contract/queueing';
import {
  CLASS_SLA_MS,
  PRIORITY_CLASSES,
  type JobKind,
  type JobStatus,
  type PriorityClass,
} from '@batchyard/shared/contract/job';

export type PlainJob = {
  readonly id: string;
  readonly kind: JobKind;
  readonly priority: PriorityClass;
  readonly rows: number;
  readonly group: string;
  /** Place within its class. */
  place: number;
  q: number;
  dl: number;
  /** When it goes behind all others of its class; undefined = never, or it has. */
  delayedAt: number | undefined;
  status: JobStatus | 'gone';
  owner: string | undefined;
  batch: number;
  deaths: number;
  deliveries: number;
  cancelled: boolean;
  /** Of all jobs with it one is stored. */
  readonly claim: string | undefined;
  /** A webhook is told of each of its ends. */
  readonly hook: boolean;
  /** Terminal states it has had: more than one where it was tried again. */
  ends: number;
};

export type PlainQueue = {
  readonly jobs: Map<string, PlainJob>;
  readonly claims: Set<string>;
  readonly credit: Record<string, number>;
  /** Jobs that went behind all others so far. */
  delays: number;
  readonly dead: Set<string>;
  readonly started: Set<string>;
};

export const createPlainQueue = (): PlainQueue => ({
  jobs: new Map(),
  claims: new Set(),
  credit: {},
  delays: 0,
  dead: new Set(),
  started: new Set(),
});

/** Beyond every place that is given out in order. */
const BEHIND_ALL = 1e9;

const end = (job: PlainJob, status: JobStatus): void => {
  job.status = job.kind === 'attached' ? 'gone' : status;
  job.ends += 1;
  job.owner = undefined;
};

/** How a take may wait; times in ms. */
export type PlainTake = Pick<
  TakeRequest,
  'token' | 'batch' | 'maxRows' | 'minRows' | 'lingerMs' | 'preferredRows' | 'spareMs' | 'restMs' | 'restRows'
>;
export type PlainTaken =
  | { readonly kind: 'jobs'; readonly ids: readonly string[] }
  | { readonly kind: 'later'; readonly inMs: number; readonly filling: boolean }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'dead' };

const inClass = (queue: PlainQueue, priority: PriorityClass): PlainJob[] =>
  [...queue.jobs.values()]
    .filter((job) => job.status === 'queued' && job.priority === priority)
    .toSorted((a, b) => a.place - b.place);

/** A batch while it is put together. `cut`: something did not fit; `mixed`: something of another group waits. */
type Forming = { readonly picked: PlainJob[]; rows: number; full: boolean; cut: boolean; mixed: boolean };

/**
 * One class as a take sees it: at most 4 · maxRows of its oldest, read one at a time. What is read and delayed goes behind
 * all others, for good; it is offered when nothing else of the class is left.
 */
function createCursor(
  queue: PlainQueue,
  priority: PriorityClass,
  batch: Forming,
  { maxRows, nowMs }: { maxRows: number; nowMs: number },
) {
  const all = inClass(queue, priority);
  const line = all.slice(0, 4 * maxRows);
  const delayed: PlainJob[] = [];
  let entry: PlainJob | undefined;
  let closed = false;
  function read(): PlainJob | undefined {
    const job = line.shift();
    if (!job) {
      const behind = all.length < 4 * maxRows ? delayed.shift() : undefined;
      if (!behind) closed = true;
      return behind;
    }
    if (job.delayedAt === undefined || job.delayedAt >= nowMs) return job;
    job.delayedAt = undefined;
    job.place = BEHIND_ALL + (queue.delays += 1);
    delayed.push(job);
    return undefined;
  }
  return {
    peek(): PlainJob | undefined {
      while (!entry && !closed) {
        const job = read();
        if (!job) continue;
        const [first] = batch.picked;
        if (first && job.group !== first.group) batch.mixed = true;
        else if (first && job.deaths > 0) continue;
        else if (first && batch.rows + job.rows > maxRows) closed = batch.cut = true;
        else entry = job;
      }
      // It was looked at before the batch had its group and its rows.
      const [first] = batch.picked;
      if (!entry || !first) return entry;
      const unfit = entry.group !== first.group || entry.deaths > 0;
      if (!unfit && batch.rows + entry.rows <= maxRows) return entry;
      if (entry.group !== first.group) batch.mixed = true;
      if (!unfit) closed = batch.cut = true;
      entry = undefined;
      return unfit ? this.peek() : undefined;
    },
    pass: () => {
      entry = undefined;
    },
  };
}
type Cursor = ReturnType<typeof createCursor>;

/** Position of the class, its name, and its share of every take while more urgent ones wait. */
const GUARANTEED = [
  [1, 'high', 0.1],
  [2, 'normal', 1 / 16],
  [3, 'low', 1 / 16],
] as const;

const rowsWaiting = (queue: PlainQueue): number =>
  [...queue.jobs.values()].reduce((sum, job) => sum + (job.status === 'queued' ? job.rows : 0), 0);

/** Where half of the rows are there that end the rest, it is looked again so soon. */
const AGAIN_MS = 5;

/** Until when the rest of a worker lasts, ms from now; 0 = it may take. */
function restOf(queue: PlainQueue, { restMs = 0, restRows = 0 }: PlainTake, nowMs: number): number {
  if (restMs === 0) return 0;
  const ends = PRIORITY_CLASSES.map((name) => inClass(queue, name)[0])
    .filter((job) => job !== undefined)
    .map((job) => Math.ceil(job.q + Math.min(restMs, 0.8 * CLASS_SLA_MS[job.priority]) - nowMs));
  const waiting = rowsWaiting(queue);
  if (ends.length === 0 || (restRows > 0 && waiting >= restRows)) return 0;
  return Math.max(0, Math.min(...ends, ...(restRows > 0 && 2 * waiting >= restRows ? [AGAIN_MS] : [])));
}

/** Of what was picked, how many jobs go now; 0 = it waits to grow. */
function preferredCount(batch: Forming, sizes: readonly number[], waits: 'no' | 'yes' | 'over'): number {
  const { picked } = batch;
  if (sizes.length === 0 || waits === 'over' || (picked[0]?.deaths ?? 0) > 0) return picked.length;
  const sums: number[] = [];
  for (const job of picked) sums.push((sums.at(-1) ?? 0) + job.rows);
  const best = sums.findLastIndex((sum) => sizes.includes(sum));
  if (best >= 0) return best + 1;
  const largest = Math.max(...sizes);
  if (batch.rows > largest) return Math.max(1, sums.findLastIndex((sum) => sum <= largest) + 1);
  return waits === 'yes' && !batch.full && !batch.cut && !batch.mixed ? 0 : picked.length;
}

/** @param nowMs by Redis' clock, when the take was made */
export function plainTake(queue: PlainQueue, request: PlainTake, nowMs: number): PlainTaken {
  const { token, maxRows, minRows = 0, lingerMs = 0, preferredRows = [], spareMs = 0 } = request;
  if (queue.dead.has(token)) return { kind: 'dead' };
  const rest = restOf(queue, request, nowMs);
  if (rest > 0) return { kind: 'later', inMs: rest, filling: false };
  const batch: Forming = { picked: [], rows: 0, full: false, cut: false, mixed: false };
  const cursors = PRIORITY_CLASSES.map((name) => createCursor(queue, name, batch, { maxRows, nowMs }));
  const [critical, high, normal, low] = cursors as [Cursor, Cursor, Cursor, Cursor];
  const lingerEnd = (jobs: readonly PlainJob[]): number =>
    Math.min(...jobs.map((job) => Math.min(job.q + lingerMs, job.dl - spareMs)));

  const waitingRows = rowsWaiting(queue);
  if (lingerMs > 0 && waitingRows > 0 && waitingRows < minRows) {
    const until = lingerEnd(cursors.map((cursor) => cursor.peek()).filter((job) => job !== undefined));
    if (until > nowMs) return { kind: 'later', inMs: Math.ceil(until - nowMs), filling: true };
  }

  const pick = (cursor: Cursor): void => {
    const job = cursor.peek();
    if (!job) return;
    cursor.pass();
    batch.picked.push(job);
    batch.rows += job.rows;
    batch.full = job.deaths > 0 || batch.rows >= maxRows;
  };
  const due = (job: PlainJob): number => Math.min(job.dl, job.q + CLASS_SLA_MS[job.priority]);
  const credits: Record<string, number> = {};
  const paid = new Set<PlainJob>();
  const behindCritical = critical.peek() !== undefined;
  const behindHigh = behindCritical || high.peek() !== undefined;
  for (const [i, name, share] of GUARANTEED) {
    const cursor = cursors[i];
    if (!cursor || batch.full || !(i === 1 ? behindCritical : behindHigh) || !cursor.peek()) continue;
    let credit = Math.min(maxRows, (queue.credit[name] ?? 0) + share * maxRows);
    while (credit >= 1 && !batch.full && cursor.peek()) {
      const before = batch.rows;
      pick(cursor);
      credit -= batch.rows - before;
      for (const job of batch.picked.slice(-1)) paid.add(job);
    }
    credits[name] = credit;
  }
  for (const cursor of [critical, high]) while (!batch.full && cursor.peek()) pick(cursor);
  while (!batch.full) {
    const [x, y] = [normal.peek(), low.peek()];
    if (!x && !y) break;
    pick(x && (!y || due(x) <= due(y)) ? normal : low);
  }
  if (batch.picked.length === 0) return { kind: 'nothing' };

  const until = lingerEnd(batch.picked);
  const count = preferredCount(batch, preferredRows, lingerMs === 0 ? 'no' : until > nowMs ? 'yes' : 'over');
  if (count === 0) return { kind: 'later', inMs: Math.ceil(until - nowMs), filling: true };
  for (const job of batch.picked.slice(count)) {
    if (paid.has(job)) credits[job.priority] = (credits[job.priority] ?? 0) + job.rows;
  }
  Object.assign(queue.credit, credits);
  const taken = batch.picked.slice(0, count);
  for (const job of taken) {
    Object.assign(job, { status: 'running', owner: token, batch: request.batch, deliveries: job.deliveries + 1 });
  }
  return { kind: 'jobs', ids: taken.map((job) => job.id) };
}

/** Places of the queue, and of each class, that waiting jobs may have; 0 = no limit. */
export type PlainLimits = { readonly maxWaiting: number; readonly limits: QueueLimits | undefined };
const SHARE_OF_PLACES: Readonly<Record<PriorityClass, number>> = { critical: 1, high: 0.95, normal: 0.9, low: 0.7 };

const waiting = (queue: PlainQueue): PlainJob[] => [...queue.jobs.values()].filter((job) => job.status === 'queued');
const isFull = (queue: PlainQueue, priority: PriorityClass, maxWaiting: number): boolean =>
  waiting(queue).length >= maxWaiting * SHARE_OF_PLACES[priority];

export function plainAdd(
  queue: PlainQueue,
  job: PlainJob,
  { maxWaiting, limits }: PlainLimits,
): 'added' | 'full' | 'known' {
  if (job.claim !== undefined && queue.claims.has(job.claim)) return 'known';
  const total = limits?.total ?? 0;
  const own = limits?.byClass[PRIORITY_CLASSES.indexOf(job.priority)] ?? 0;
  const beyond =
    isFull(queue, job.priority, maxWaiting) ||
    (total > 0 && waiting(queue).length >= total) ||
    (own > 0 && inClass(queue, job.priority).length >= own);
  if (beyond) return 'full';
  queue.jobs.set(job.id, job);
  if (job.claim !== undefined) queue.claims.add(job.claim);
  return 'added';
}

const held = (queue: PlainQueue, token: string): PlainJob[] =>
  [...queue.jobs.values()].filter((job) => job.owner === token);

export function plainFinish(queue: PlainQueue, token: string, id: string): string {
  const job = queue.jobs.get(id);
  if (job?.owner !== token) return 'lost';
  end(job, job.cancelled ? 'cancelled' : 'succeeded');
  return job.cancelled ? 'cancelled' : 'finished';
}

export function plainFail(queue: PlainQueue, token: string, id: string): string {
  const job = queue.jobs.get(id);
  if (job?.owner !== token) return 'lost';
  end(job, 'failed');
  return 'failed';
}

function bringBack(job: PlainJob, death: boolean, counted: boolean): void {
  job.owner = undefined;
  job.status = 'queued';
  if (!counted) job.deliveries -= 1;
  if (job.cancelled) end(job, 'cancelled');
  else if (death && (job.deaths += 1) >= 3) end(job, 'failed');
}

export function plainGiveBack(queue: PlainQueue, token: string): void {
  for (const job of held(queue, token)) bringBack(job, false, false);
}

export function plainRelease(queue: PlainQueue, token: string): void {
  queue.dead.add(token);
  for (const job of held(queue, token)) bringBack(job, queue.started.has(`${token} ${job.batch}`), true);
}

/** All locks lapse and the owners are silent. */
export function plainLapse(queue: PlainQueue): void {
  for (const job of queue.jobs.values()) {
    if (job.owner) bringBack(job, queue.started.has(`${job.owner} ${job.batch}`), true);
  }
}

export function plainCancel(queue: PlainQueue, id: string): string {
  const job = queue.jobs.get(id);
  if (!job || job.status === 'gone') return 'unknown';
  if (job.status === 'cancelled') return 'cancelled';
  if (job.status === 'running') {
    job.cancelled = true;
    return 'running';
  }
  if (job.status !== 'queued') return 'terminal';
  end(job, 'cancelled');
  return 'cancelled';
}

export function plainRetry(queue: PlainQueue, id: string, place: number, maxWaiting: number): string {
  const job = queue.jobs.get(id);
  if (job?.kind !== 'durable' || job.status === 'gone') return 'unknown';
  if (job.status !== 'failed' && job.status !== 'expired') return 'conflict';
  if (isFull(queue, job.priority, maxWaiting)) return 'full';
  const anew = { status: 'queued', place, cancelled: false, delayedAt: undefined } as const;
  Object.assign(job, anew, { deaths: Math.min(1, job.deaths) });
  return 'retried';
}

export function plainExpire(queue: PlainQueue, id: string): void {
  const job = queue.jobs.get(id);
  if (job?.status === 'queued') end(job, 'expired');
}

/** The most urgent and oldest first; @returns how many */
export function plainDrain(queue: PlainQueue, most: number): number {
  const first = PRIORITY_CLASSES.flatMap((name) => inClass(queue, name)).slice(0, most);
  for (const job of first) end(job, 'failed');
  return first.length;
}

const ENDED_IN = { completed: ['succeeded'], failed: ['failed', 'cancelled', 'expired'] } as const;

/** Every job that ended so is forgotten; @returns how many */
export function plainClean(queue: PlainQueue, set: 'completed' | 'failed'): number {
  const ended: readonly string[] = ENDED_IN[set];
  const old = [...queue.jobs.values()].filter((job) => ended.includes(job.status));
  for (const job of old) job.status = 'gone';
  return old.length;
}
