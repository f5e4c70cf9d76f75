/**
 * The queue as a plain data structure: what the scripts must do, said once more without Redis. Times and places are
 * told by whoever adds (they come from Redis), so that the order of a take can be predicted exactly.
 */
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
  status: JobStatus | 'gone';
  owner: string | undefined;
  batch: number;
  deaths: number;
  deliveries: number;
  cancelled: boolean;
};

export type PlainQueue = {
  readonly jobs: Map<string, PlainJob>;
  readonly credit: Record<string, number>;
  readonly dead: Set<string>;
  readonly started: Set<string>;
};

export const createPlainQueue = (): PlainQueue => ({
  jobs: new Map(),
  credit: {},
  dead: new Set(),
  started: new Set(),
});

const end = (job: PlainJob, status: JobStatus): void => {
  job.status = job.kind === 'attached' ? 'gone' : status;
  job.owner = undefined;
};

/** One class as a take sees it: at most 4 · maxRows of its oldest, read one at a time. */
function createCursor(queue: PlainQueue, priority: PriorityClass, maxRows: number) {
  const line = [...queue.jobs.values()]
    .filter((job) => job.status === 'queued' && job.priority === priority)
    .toSorted((a, b) => a.place - b.place)
    .slice(0, 4 * maxRows);
  let closed = false;
  return {
    peek: () => (closed ? undefined : line[0]),
    pass: () => void line.shift(),
    close: () => {
      closed = true;
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

export function plainTake(queue: PlainQueue, token: string, batch: number, maxRows: number): string[] | 'dead' {
  if (queue.dead.has(token)) return 'dead';
  const cursors = PRIORITY_CLASSES.map((name) => createCursor(queue, name, maxRows)) as [
    Cursor,
    Cursor,
    Cursor,
    Cursor,
  ];
  const picked: PlainJob[] = [];
  let rows = 0;
  let full = false;
  const fits = (cursor: Cursor): PlainJob | undefined => {
    for (let job = cursor.peek(); job; job = cursor.peek()) {
      const first = picked[0];
      if (first && (job.group !== first.group || job.deaths > 0)) cursor.pass();
      else if (first && rows + job.rows > maxRows) cursor.close();
      else return job;
    }
    return undefined;
  };
  const pick = (cursor: Cursor): void => {
    const job = fits(cursor);
    if (!job) return;
    cursor.pass();
    picked.push(job);
    rows += job.rows;
    full = job.deaths > 0 || rows >= maxRows;
  };
  const due = (job: PlainJob): number => Math.min(job.dl, job.q + CLASS_SLA_MS[job.priority]);
  const merge = (one: Cursor, other: Cursor): void => {
    while (!full) {
      const [x, y] = [fits(one), fits(other)];
      if (!x && !y) return;
      pick(x && (!y || due(x) <= due(y)) ? one : other);
    }
  };
  const critical = cursors[0].peek() !== undefined;
  const high = cursors[1].peek() !== undefined;
  for (const [i, name, share] of GUARANTEED) {
    const cursor = cursors[i];
    const crowdedOut = critical || (i > 1 && high);
    if (full || !crowdedOut || !fits(cursor)) continue;
    let credit = Math.min(maxRows, (queue.credit[name] ?? 0) + share * maxRows);
    while (credit >= 1 && !full && fits(cursor)) {
      const before = rows;
      pick(cursor);
      credit -= rows - before;
    }
    queue.credit[name] = credit;
  }
  for (const cursor of [cursors[0], cursors[1]]) while (!full && fits(cursor)) pick(cursor);
  merge(cursors[2], cursors[3]);
  for (const job of picked)
    Object.assign(job, { status: 'running', owner: token, batch, deliveries: job.deliveries + 1 });
  return picked.map((job) => job.id);
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

export function plainRetry(queue: PlainQueue, id: string, place: number): string {
  const job = queue.jobs.get(id);
  if (job?.kind !== 'durable') return 'unknown';
  if (job.status !== 'failed' && job.status !== 'expired') return 'conflict';
  Object.assign(job, { status: 'queued', place, cancelled: false, deaths: Math.min(1, job.deaths) });
  return 'retried';
}

export function plainExpire(queue: PlainQueue, id: string): void {
  const job = queue.jobs.get(id);
  if (job?.status === 'queued') end(job, 'expired');
}
