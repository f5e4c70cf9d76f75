/** What the workers of a system have run so far, from their own metrics. */

/** Batches and rows that ran, the seconds that sessions were busy with them, and jobs that ran for nobody, of all workers. */
export type WorkerTotals = {
  readonly batches: number;
  readonly rows: number;
  readonly busyS: number;
  readonly unwanted: number;
  /** Of each worker, by where its metrics are. `bestRowsPerS`: the best rate of its own latency table now. */
  readonly each: ReadonlyMap<number, { readonly busyS: number; readonly bestRowsPerS: number }>;
};

/** Sum of a metric over its labels, in Prometheus' text format; 0 where there is none. */
export function metricSum(text: string, name: string): number {
  let sum = 0;
  for (const line of text.split('\n')) {
    if (!line.startsWith(name)) continue;
    const after = line[name.length];
    if (after === '{' || after === ' ') sum += Number(line.slice(line.lastIndexOf(' ') + 1));
  }
  return sum;
}

const BUSY = 'batchyard_inference_compute_duration_seconds_sum';

/** @param ops base URL of the gateway's operations listener, which knows the workers */
export async function workerTotals(ops: string): Promise<WorkerTotals> {
  const answer = await fetch(`${ops}/v1/workers`);
  const { workers } = (await answer.json()) as { workers: { state: string; ops_port: number }[] };
  const texts = await Promise.all(
    workers
      .filter(({ state }) => state === 'serving')
      .map(async ({ ops_port }) => {
        const text = await (await fetch(`http://127.0.0.1:${ops_port}/metrics`)).text();
        return { port: ops_port, text };
      }),
  );
  const total = (name: string): number => texts.reduce((sum, { text }) => sum + metricSum(text, name), 0);
  return {
    batches: total('batchyard_batch_rows_count'),
    rows: total('batchyard_batch_rows_sum'),
    unwanted: total('batchyard_unwanted_jobs_total'),
    busyS: total(BUSY),
    each: new Map(
      texts.map(({ port, text }) => [
        port,
        { busyS: metricSum(text, BUSY), bestRowsPerS: metricSum(text, 'batchyard_best_rows_per_second') },
      ]),
    ),
  };
}

/**
 * What ran between two looks. `efficiency`: 1 = every busy second ran at the best rate of that worker's own latency table,
 * which knows what else the cores do; `ofRaw`: at the rate of onnxruntime alone on this machine.
 */
export function fillOf(
  before: WorkerTotals,
  after: WorkerTotals,
  best: { readonly maxRows: number; readonly rowsPerS: number },
): { readonly fill: number; readonly efficiency: number; readonly ofRaw: number } {
  const rows = after.rows - before.rows;
  let possible = 0;
  for (const [port, { busyS, bestRowsPerS }] of after.each)
    possible += (busyS - (before.each.get(port)?.busyS ?? 0)) * bestRowsPerS;
  return {
    fill: rows / (after.batches - before.batches) / best.maxRows,
    efficiency: rows / possible,
    ofRaw: rows / (after.busyS - before.busyS) / best.rowsPerS,
  };
}
