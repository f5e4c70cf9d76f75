/**
 * What clients saw of a system that was disturbed, and whether its promises held. Pure: the recording is elsewhere, and
 * every moment is a number of milliseconds on the clients' clock.
 */

/** One look at a job after the disturbance. `open`: not terminal when the looks ended; `missing`: 404 or 410. */
export type Look = {
  readonly status: 'succeeded' | 'failed' | 'cancelled' | 'expired' | 'open' | 'missing';
  /** The outputs, spelled as `expected` spells them; only of a job that succeeded. */
  readonly result?: string;
  readonly failure?: string;
  readonly deliveries?: number;
  /** When its last computation began. */
  readonly startedAt?: number;
  readonly finishedAt?: number;
};

/** A job that was accepted. It was submitted to end well unless `mayFail` names how else it may end. */
export type AcceptedJob = {
  readonly id: string;
  readonly model: string;
  readonly seed: number;
  readonly submittedAt: number;
  readonly looks: readonly Look[];
  readonly mayFail?: string;
};

/** How an HTTP exchange ended. `hung up`: by the client, on purpose. */
export type End =
  | { readonly kind: 'answer'; readonly status: number; readonly text: string }
  | { readonly kind: 'broken'; readonly error: string }
  | { readonly kind: 'hung up' };

export type Exchange = {
  readonly what: 'submit' | 'infer' | 'look';
  readonly model: string;
  readonly seed: number;
  readonly begunAt: number;
  /** Until when it has to end at the latest, but for a second's grace. */
  readonly deadlineAt: number;
  readonly endedAt?: number;
  readonly end?: End;
  /** It had no reason to fail, not even during the disturbance. */
  readonly mustSucceed?: boolean;
};

/** A disturbance. */
export type Window = {
  readonly from: number;
  readonly to: number;
  /** So many times it may have interrupted the same computation. */
  readonly times: number;
  /** How long its effects may last beyond its end. */
  readonly graceMs: number;
  /** Whether an exchange that overlaps it may end with a refusal that can be retried. */
  readonly excuses: boolean;
  /** What was accepted before its end may be gone, if its callers are told so. */
  readonly forgets?: boolean;
};

export type History = {
  readonly jobs: readonly AcceptedJob[];
  readonly exchanges: readonly Exchange[];
  readonly windows: readonly Window[];
};

export type ViolationKind =
  | 'lost'
  | 'duplicated'
  | 'wrong'
  | 'changed'
  | 'healthy failed'
  | 'unended'
  | 'unexplained'
  | 'slow'
  | 'left behind';
export type Violation = { readonly kind: ViolationKind; readonly what: string };

export type Verdict = {
  readonly violations: readonly Violation[];
  /** Accepted jobs, and requests that were answered with a result. */
  readonly jobs: number;
  readonly answered: number;
  /** Jobs that were computed more than once, for which a window is the reason. */
  readonly runAgain: number;
};

/** What the model answers to the input that this seed makes. */
export type Expected = (model: string, seed: number) => string;

const GRACE_MS = 1_000;
const REFUSAL_OF_EXPIRY = /timeout expired|"expired"/;

const graced = (window: Window): number => window.to + window.graceMs;
const overlaps = (window: Window, from: number, to: number): boolean => from <= graced(window) && to >= window.from;
const named = (one: { model: string; seed: number }): string => `${one.model} ${one.seed}`;

function checkJob(job: AcceptedJob, windows: readonly Window[], expected: Expected): Violation[] {
  const found: Violation[] = [];
  const add = (kind: ViolationKind, what: string): void => void found.push({ kind, what: `${job.id}: ${what}` });
  const first = job.looks[0];
  const forgotten = windows.some(({ forgets, to }) => forgets && job.submittedAt <= to);
  if (forgotten && first?.status === 'missing' && job.looks.every(({ status }) => status === 'missing')) return found;
  if (!first || first.status === 'open' || first.status === 'missing') {
    add('lost', `accepted, then ${first?.status ?? 'never seen'}`);
    return found;
  }
  if (first.status === 'succeeded') {
    const right = expected(job.model, job.seed);
    if (first.result !== right) add('wrong', `of ${named(job)} came ${first.result}, not ${right}`);
    if (job.mayFail !== undefined) add('wrong', `of ${named(job)} came a result, not ${job.mayFail}`);
  } else if (first.failure !== job.mayFail || job.mayFail === undefined) {
    add('healthy failed', `${first.status}, ${first.failure ?? 'without a code'}`);
  }
  for (const later of job.looks.slice(1)) {
    if (later.status !== first.status || later.result !== first.result || later.failure !== first.failure)
      add('changed', `${first.status}, then ${later.status}`);
    else if (later.finishedAt !== first.finishedAt)
      add('changed', `ended at ${first.finishedAt} and ${later.finishedAt}`);
  }
  return found;
}

/** Computations beyond the first need a disturbance each, while the job was there. */
function checkRuns(job: AcceptedJob, windows: readonly Window[]): Violation[] {
  const last = job.looks.at(-1);
  const again = (last?.deliveries ?? 1) - 1;
  if (again <= 0) return [];
  const until = last?.finishedAt ?? Number.POSITIVE_INFINITY;
  const allowed = windows
    .filter((window) => overlaps(window, job.submittedAt, until))
    .reduce((sum, window) => sum + window.times, 0);
  if (again <= allowed) return [];
  return [{ kind: 'duplicated', what: `${job.id}: ran ${again + 1} times, disturbed ${allowed} times` }];
}

/** Whether a window is reason enough for an exchange to end this way. */
function excused(exchange: Exchange, end: End, windows: readonly Window[]): boolean {
  if (exchange.mustSucceed) return false;
  const endedAt = exchange.endedAt ?? exchange.deadlineAt;
  const near = windows.filter((window) => window.excuses && overlaps(window, exchange.begunAt, endedAt));
  if (end.kind === 'answer' && REFUSAL_OF_EXPIRY.test(end.text))
    return near.some((window) => exchange.deadlineAt <= graced(window));
  return near.length > 0;
}

function checkExchange(exchange: Exchange, windows: readonly Window[], expected: Expected): Violation[] {
  const { end, endedAt } = exchange;
  const took = endedAt === undefined ? '' : ` after ${endedAt - exchange.begunAt} ms`;
  const name = `${exchange.what} ${named(exchange)}${took}`;
  if (end === undefined || endedAt === undefined) return [{ kind: 'unended', what: `${name}: no end` }];
  if (endedAt > exchange.deadlineAt + GRACE_MS)
    return [
      { kind: 'unended', what: `${name}: ended ${Math.round(endedAt - exchange.deadlineAt)} ms past its deadline` },
    ];
  if (end.kind === 'hung up') return [];
  const told = end.kind === 'answer' ? `${end.status} ${end.text.slice(0, 200)}` : end.error;
  if (end.kind === 'answer' && end.status < 300) {
    if (exchange.what !== 'infer') return [];
    const right = expected(exchange.model, exchange.seed);
    return end.text === right ? [] : [{ kind: 'wrong', what: `${name}: ${end.text.slice(0, 200)}, not ${right}` }];
  }
  const gone = end.kind === 'answer' && (end.status === 404 || end.status === 410);
  if (gone && exchange.what === 'look' && windows.some(({ forgets }) => forgets)) return [];
  if (end.kind === 'answer' && end.status !== 503 && end.status !== 504)
    return [{ kind: 'unexplained', what: `${name}: ${told}` }];
  return excused(exchange, end, windows) ? [] : [{ kind: 'healthy failed', what: `${name}: ${told}` }];
}

/** Everything that the promises rule out. */
export function check(history: History, expected: Expected): Verdict {
  const { jobs, exchanges, windows } = history;
  const ids = new Map<string, number>();
  for (const { id } of jobs) ids.set(id, (ids.get(id) ?? 0) + 1);
  const twice = Array.from(ids)
    .filter(([, count]) => count > 1)
    .map(([id]): Violation => ({ kind: 'duplicated', what: `${id}: given to two submissions` }));
  return {
    violations: [
      ...twice,
      ...jobs.flatMap((job) => [...checkJob(job, windows, expected), ...checkRuns(job, windows)]),
      ...exchanges.flatMap((exchange) => checkExchange(exchange, windows, expected)),
    ],
    jobs: jobs.length,
    answered: exchanges.filter(({ what, end }) => what === 'infer' && end?.kind === 'answer' && end.status < 300)
      .length,
    runAgain: jobs.filter((job) => (job.looks[0]?.deliveries ?? 1) > 1).length,
  };
}

/**
 * How long after the end of the disturbance the system was as before: everything accepted until then is terminal, and a
 * request that began after it was answered.
 */
export function recoveryMs(history: History, clearedAt: number): number {
  const ends = history.jobs
    .filter((job) => job.submittedAt <= clearedAt && job.looks[0]?.status !== 'missing')
    .map((job) => job.looks[0]?.finishedAt ?? Number.POSITIVE_INFINITY);
  const answers = history.exchanges
    .filter(
      ({ what, begunAt, end }) =>
        what === 'infer' && begunAt >= clearedAt && end?.kind === 'answer' && end.status < 300,
    )
    .map(({ endedAt }) => endedAt ?? Number.POSITIVE_INFINITY);
  const firstAnswer = answers.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  return Math.max(0, ends.reduce((a, b) => Math.max(a, b), firstAnswer) - clearedAt);
}

/** Accepted jobs that were there at some moment between the two. */
export function aliveBetween(jobs: readonly AcceptedJob[], from: number, to: number): number {
  const finishedAt = (job: AcceptedJob): number => job.looks[0]?.finishedAt ?? Number.POSITIVE_INFINITY;
  return jobs.filter((job) => job.submittedAt <= to && finishedAt(job) >= from).length;
}

/**
 * How long after it was interrupted each job that ran again began to: from the last of the moments at which something was
 * ended or stopped to the begin of its last computation. A job that ran again for another reason is left out.
 */
export function rerunDelays(jobs: readonly AcceptedJob[], struckAt: readonly number[]): number[] {
  return jobs.flatMap(({ submittedAt, looks }) => {
    const { deliveries = 1, startedAt = 0 } = looks[0] ?? {};
    const before = struckAt.filter((at) => at >= submittedAt && at <= startedAt);
    return deliveries > 1 && before.length > 0 ? [startedAt - Math.max(...before)] : [];
  });
}

/** How long the slowest of the jobs that ended, and of the requests that were answered, took. */
export function longestLifeMs(history: History): number {
  const lives = history.jobs.map((job) => (job.looks[0]?.finishedAt ?? job.submittedAt) - job.submittedAt);
  const waits = history.exchanges
    .filter(({ what, end }) => what === 'infer' && end?.kind === 'answer' && end.status < 300)
    .map(({ begunAt, endedAt = begunAt }) => endedAt - begunAt);
  return [...lives, ...waits].reduce((a, b) => Math.max(a, b), 0);
}
