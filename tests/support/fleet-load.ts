/** What several workers make of a load: requests that come at a rate, and who ran how much of them. */
import { metricSum } from '../../bench/overload/worker-totals.ts';

export type Ran = { readonly id: string; readonly pid: number; readonly rows: number; readonly runMs: number };

type Line = { readonly id: string; readonly pid: number; readonly state: string; readonly ops_port: number };
type Sums = Line & { readonly rows: number; readonly batches: number; readonly busyS: number };

async function sums(ops: string): Promise<Sums[]> {
  const { workers } = (await (await fetch(`${ops}/v1/workers`)).json()) as { workers: Line[] };
  const lines = workers.filter(({ state }) => state === 'serving');
  return Promise.all(
    lines.map(async (line) => {
      const text = await (await fetch(`http://127.0.0.1:${line.ops_port}/metrics`)).text();
      const rows = metricSum(text, 'batchyard_batch_rows_sum');
      const batches = metricSum(text, 'batchyard_batch_rows_count');
      return { ...line, rows, batches, busyS: metricSum(text, 'batchyard_inference_compute_duration_seconds_sum') };
    }),
  );
}

/**
 * @param ops base URL of the gateway's operations listener
 * @returns who ran how many rows while `work` was done, and how long a run of theirs took
 */
export async function ranDuring(ops: string, work: () => Promise<unknown>): Promise<Ran[]> {
  const before = new Map((await sums(ops)).map((one) => [one.id, one]));
  await work();
  return (await sums(ops)).map(({ id, pid, rows, batches, busyS }) => {
    const from = before.get(id);
    const runMs = (1000 * (busyS - (from?.busyS ?? 0))) / (batches - (from?.batches ?? 0));
    return { id, pid, rows: rows - (from?.rows ?? 0), runMs };
  });
}

export type Asked = { readonly model: string; readonly perSecond: number; readonly seconds: number };

/**
 * Requests of one row at even distances, whether or not earlier ones were answered.
 * @returns latencies in ms, in order; throws where a request fails
 */
export async function askAtRate(url: string, { model, perSecond, seconds }: Asked): Promise<number[]> {
  const body = JSON.stringify({ inputs: [{ name: 'INPUT0', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] }] });
  async function ask(): Promise<number> {
    const sent = performance.now();
    const answer = await fetch(`${url}/v2/models/${model}/infer`, { method: 'POST', body });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`${answer.status}: ${text}`);
    return performance.now() - sent;
  }
  const began = performance.now();
  const asked: Promise<number>[] = [];
  for (let i = 0; i < perSecond * seconds; i += 1) {
    const dueMs = began + (1000 * i) / perSecond - performance.now();
    if (dueMs > 0) await new Promise((resolve) => setTimeout(resolve, dueMs));
    asked.push(ask());
  }
  return (await Promise.all(asked)).toSorted((a, b) => a - b);
}

export const quantileOf = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
