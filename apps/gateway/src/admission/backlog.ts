/**
 * What waits in a queue, as this gateway knows it without asking: every call that adds jobs tells how many of each class
 * wait, and between two calls what was admitted since is added and what the workers have run since is taken off.
 * Classes are indexes here, 0 = critical … 3 = low.
 */
export type ClassCounts = readonly [critical: number, high: number, normal: number, low: number];

export type Backlog = {
  /** Rows that wait, by class. */
  rows(nowMs: number, rowsPerMs: number): ClassCounts;
  /** Rows per ms that arrive, by class, over about the last second. */
  arrivals(nowMs: number): ClassCounts;
  /** Of the inputs of so many rows. */
  bytes(rows: ClassCounts): number;
  /** One job was admitted and is on its way to Redis. */
  admitted(job: { class: number; rows: number; bytes: number }, nowMs: number): void;
  /** A call that carried `jobs` of those has ended, and told how many of each class wait unless it failed. */
  told(jobs: number, byClass: readonly number[] | undefined, nowMs: number): void;
  /** A job that was predicted to wait has come back. */
  waited(ofClass: number, predictedMs: number, actualMs: number): void;
  /** Actual over predicted wait of a class, lately: what the latency tables and this arithmetic leave out. */
  correction(ofClass: number): number;
};

/** Arrival rates are exponential means over this time. */
const ARRIVAL_MS = 1_000;
/** Moving averages of a job's rows and bytes, and of the correction. */
const SHARE = 0.05;
const CORRECTION = { least: 0.5, most: 8 };
/** Shorter predictions say nothing about the arithmetic: the way to and from the worker dominates. */
const SHORTEST_PREDICTION_MS = 5;

export function createBacklog(): Backlog {
  let waiting = [0, 0, 0, 0];
  let toldAt = 0;
  /** Admitted and not yet part of what was told. */
  let onTheWay: { class: number; rows: number }[] = [];
  /** Their rows, by class. */
  const coming = [0, 0, 0, 0];
  let meanRows = 1;
  let meanBytes = 0;
  let rates = [0, 0, 0, 0];
  let ratedAt = 0;
  const factors = [1, 1, 1, 1];

  function decayed(nowMs: number): number[] {
    const keep = Math.exp(-(nowMs - ratedAt) / ARRIVAL_MS);
    return rates.map((rate) => rate * keep);
  }
  function rows(nowMs: number, rowsPerMs: number): ClassCounts {
    let done = (nowMs - toldAt) * rowsPerMs;
    const left = waiting.map((jobs, i) => {
      const own = jobs * meanRows;
      const ran = Math.min(own, done);
      done -= ran;
      return own - ran + (coming[i] ?? 0);
    });
    return left as unknown as ClassCounts;
  }
  function addComing({ class: of, rows: count }: { class: number; rows: number }, sign: 1 | -1): void {
    coming[of] = (coming[of] ?? 0) + sign * count;
  }

  return {
    rows,
    arrivals: (nowMs) => decayed(nowMs) as unknown as ClassCounts,
    bytes: ([critical, high, normal, low]) => ((critical + high + normal + low) / meanRows) * meanBytes,
    admitted(job, nowMs) {
      onTheWay.push(job);
      addComing(job, 1);
      meanRows += SHARE * (job.rows - meanRows);
      meanBytes += SHARE * (job.bytes - meanBytes);
      rates = decayed(nowMs);
      rates[job.class] = (rates[job.class] ?? 0) + job.rows / ARRIVAL_MS;
      ratedAt = nowMs;
    },
    told(jobs, byClass, nowMs) {
      for (const job of onTheWay.slice(0, jobs)) addComing(job, -1);
      onTheWay = onTheWay.slice(jobs);
      if (!byClass) return;
      waiting = [...byClass];
      toldAt = nowMs;
    },
    waited(ofClass, predictedMs, actualMs) {
      if (predictedMs < SHORTEST_PREDICTION_MS) return;
      // The prediction contained the factor of its time.
      const ratio = Math.max(0.1, Math.min(10, actualMs / predictedMs));
      const corrected = (factors[ofClass] ?? 1) * ratio ** SHARE;
      factors[ofClass] = Math.max(CORRECTION.least, Math.min(CORRECTION.most, corrected));
    },
    correction: (ofClass) => factors[ofClass] ?? 1,
  };
}
