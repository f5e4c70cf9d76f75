/**
 * Histograms of durations that can be merged: logarithmic buckets, each 4 % wider than the one before, so that a quantile
 * is within 2 % of the true one whatever was merged (DDSketch, Masson et al. 2019, without its collapsing). Pure.
 */
const GROWTH = 1.04;
const LOG_GROWTH = Math.log(GROWTH);
/** ms; whatever is shorter is counted as this. */
const SHORTEST = 0.01;
const LAST = Math.ceil(Math.log(1e7 / SHORTEST) / LOG_GROWTH);
/** Between 0.01 ms and 10^7 ms a quantile is off by no more than this share of itself. */
export const RELATIVE_ERROR = (GROWTH - 1) / (GROWTH + 1);

/** Bucket → count. */
export type Histogram = ReadonlyMap<number, number>;
export const EMPTY: Histogram = new Map();

const bucketOf = (ms: number): number =>
  ms > SHORTEST ? Math.min(LAST, Math.ceil(Math.log(ms / SHORTEST) / LOG_GROWTH)) : 0;
/** As far from one end of its bucket as from the other, as a share. */
const middleOf = (bucket: number): number =>
  bucket === 0 ? SHORTEST : (2 * SHORTEST * GROWTH ** bucket) / (1 + GROWTH);

/** Counts durations; made for the way of every request. */
export type Recorder = { record(ms: number): void; /** What was counted, and begins anew. */ take(): Histogram };

export function createRecorder(): Recorder {
  const counts = new Uint32Array(LAST + 1);
  let [lowest, highest] = [LAST + 1, -1];
  return {
    record(ms) {
      const bucket = bucketOf(ms);
      counts[bucket] = (counts[bucket] ?? 0) + 1;
      if (bucket < lowest) lowest = bucket;
      if (bucket > highest) highest = bucket;
    },
    take() {
      const taken = new Map<number, number>();
      for (let bucket = lowest; bucket <= highest; bucket += 1) {
        const found = counts[bucket] ?? 0;
        if (found > 0) taken.set(bucket, found);
        counts[bucket] = 0;
      }
      [lowest, highest] = [LAST + 1, -1];
      return taken;
    },
  };
}

export function mergeHistograms(all: readonly Histogram[]): Histogram {
  const merged = new Map<number, number>();
  for (const one of all) for (const [bucket, found] of one) merged.set(bucket, (merged.get(bucket) ?? 0) + found);
  return merged;
}

export function countOf(histogram: Histogram): number {
  let sum = 0;
  for (const found of histogram.values()) sum += found;
  return sum;
}

const inOrder = (histogram: Histogram): [number, number][] => [...histogram].sort(([a], [b]) => a - b);

/** @param q 0 … 1 @returns ms; undefined of nothing. The value of rank ⌊q · (n − 1)⌋, within RELATIVE_ERROR. */
export function quantile(histogram: Histogram, q: number): number | undefined {
  const rank = Math.floor(q * (countOf(histogram) - 1));
  let below = 0;
  for (const [bucket, found] of inOrder(histogram)) {
    below += found;
    if (below > rank) return middleOf(bucket);
  }
  return undefined;
}

export function meanOf(histogram: Histogram): number | undefined {
  const all = countOf(histogram);
  if (all === 0) return undefined;
  let sum = 0;
  for (const [bucket, found] of histogram) sum += middleOf(bucket) * found;
  return sum / all;
}

/** As the contract writes it. */
export function encodeHistogram(histogram: Histogram): string {
  let before = 0;
  return inOrder(histogram)
    .map(([bucket, found]) => {
      const distance = (bucket - before).toString(36);
      before = bucket;
      return found === 1 ? distance : `${distance}.${found.toString(36)}`;
    })
    .join(' ');
}

/** The inverse; of a text that the contract's schema has passed. */
export function decodeHistogram(text: string): Histogram {
  const read = new Map<number, number>();
  let bucket = 0;
  for (const part of text === '' ? [] : text.split(' ')) {
    const [distance = '0', found = '1'] = part.split('.');
    bucket += Number.parseInt(distance, 36);
    read.set(bucket, (read.get(bucket) ?? 0) + Number.parseInt(found, 36));
  }
  return read;
}
