/**
 * Before a model serves: one look at whether its first axis is a batch axis, and the time of a run for sizes 1, 2, 4, …
 * The table is kept by file, CPU and threads, so that a restart serves at once.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

import type { LatencyPoint } from '@batchyard/shared/contract/heartbeat';
import { latencyPointSchema } from '@batchyard/shared/contract/heartbeat';
import { ELEMENT_BYTES, elementCount } from '@batchyard/shared/contract/tensor';
import { z } from 'zod';

import type { Session } from './open-session.ts';
import type { FileTensor, ThreadTensor } from './thread-message.ts';

const DEFAULT_DIM = 8;
const RUNS = 5;
const BUDGET_MS = 1_500;

const fixed = (dim: number | string): number => (typeof dim === 'number' && dim > 0 ? dim : DEFAULT_DIM);

/** A tensor of small whole numbers, valid for every datatype. */
export function sample(tensor: FileTensor, rows: number | undefined, fill: (index: number) => number): ThreadTensor {
  const [, ...rest] = tensor.dims;
  const shape = rows === undefined ? tensor.dims.map(fixed) : [rows, ...rest.map(fixed)];
  const { name, datatype } = tensor;
  const elements = elementCount(shape);
  if (datatype === 'BYTES') return { name, datatype, shape, data: Array.from({ length: elements }, () => 'a') };
  const data = new Uint8Array(new ArrayBuffer(elements * ELEMENT_BYTES[datatype]));
  const view = new DataView(data.buffer);
  for (let i = 0; i < elements; i += 1) {
    if (datatype === 'FP32') view.setFloat32(i * 4, fill(i) / 4, true);
    else if (datatype === 'FP64') view.setFloat64(i * 8, fill(i) / 4, true);
    else if (datatype !== 'FP16') view.setUint8(i * ELEMENT_BYTES[datatype], Math.abs(fill(i)) % 2);
  }
  return { name, datatype, shape, data };
}

const runSample = (session: Session, rows: number | undefined, fill: (index: number) => number = (i) => i % 3) =>
  session.run(session.inputs.map((tensor) => sample(tensor, rows, fill)));

/** The first axis of every input and output is the same free dimension. */
export function sharesFirstAxis(session: Pick<Session, 'inputs' | 'outputs'>): boolean {
  const firsts = [...session.inputs, ...session.outputs].map(({ dims }) => dims[0]);
  const free = firsts.every((dim) => dim !== undefined && (typeof dim === 'string' || dim < 0));
  return free && new Set(firsts).size === 1;
}

const bytesOf = (tensor: ThreadTensor): Buffer =>
  tensor.data instanceof Uint8Array ? Buffer.from(tensor.data) : Buffer.from(tensor.data.join('\0'));

/** One run of two equal rows gives twice what a run of one row gives. */
export async function batchesRows(session: Session): Promise<boolean> {
  try {
    const period = (tensor: FileTensor): number => elementCount(tensor.dims.slice(1).map(fixed));
    const longest = Math.max(1, ...session.inputs.map(period));
    const fill = (i: number): number => (i % longest) % 3;
    const [one, two] = [await runSample(session, 1, fill), await runSample(session, 2, fill)];
    return one.outputs.every((output, i) => {
      const both = two.outputs[i];
      if (!both || both.shape[0] !== 2 || output.shape[0] !== 1) return false;
      return nearlyEqual(bytesOf(both), Buffer.concat([bytesOf(output), bytesOf(output)]), output);
    });
  } catch {
    return false;
  }
}

/** Different batch sizes may round differently in the last place. */
function nearlyEqual(a: Buffer, b: Buffer, { datatype }: ThreadTensor): boolean {
  if (a.byteLength !== b.byteLength) return false;
  if (datatype !== 'FP32') return a.equals(b);
  for (let at = 0; at < a.byteLength; at += 4) {
    const [x, y] = [a.readFloatLE(at), b.readFloatLE(at)];
    if (Math.abs(x - y) > 1e-4 * Math.max(1, Math.abs(x))) return false;
  }
  return true;
}

/** Run times for sizes 1, 2, 4, … maxRows; at most about a second and a half in all. */
export async function measure(session: Session, maxRows: number): Promise<LatencyPoint[]> {
  const started = performance.now();
  const points: LatencyPoint[] = [];
  const sizes: number[] = [];
  for (let rows = 1; rows < maxRows; rows *= 2) sizes.push(rows);
  if (maxRows > 0) sizes.push(maxRows);
  for (const rows of sizes.length > 0 ? sizes : [1]) {
    const times: number[] = [];
    for (let i = 0; i <= RUNS && (i < 2 || performance.now() - started < BUDGET_MS); i += 1) {
      const { runMs } = await runSample(session, maxRows === 0 ? undefined : rows);
      if (i > 0) times.push(runMs);
    }
    const sorted = times.toSorted((a, b) => a - b);
    points.push({ rows, p50_ms: sorted[Math.floor(sorted.length / 2)] ?? 0, p99_ms: sorted.at(-1) ?? 0 });
  }
  return points;
}

const tableSchema = z.object({ batched: z.boolean(), points: z.array(latencyPointSchema) });
export type WarmTable = z.infer<typeof tableSchema>;

/** The kept table, or what `make` measures, which is then kept; a file that cannot be written is no failure. */
export async function warmTable(file: string | undefined, make: () => Promise<WarmTable>): Promise<WarmTable> {
  const kept = file === undefined ? undefined : await readFile(file, 'utf8').catch(() => undefined);
  if (kept !== undefined) {
    const parsed = tableSchema.safeParse(JSON.parse(kept));
    if (parsed.success) return parsed.data;
  }
  const table = await make();
  if (file !== undefined) {
    await mkdir(dirname(file), { recursive: true })
      .then(() => writeFile(`${file}.${process.pid}`, JSON.stringify(table)))
      .then(() => rename(`${file}.${process.pid}`, file))
      .catch(() => undefined);
  }
  return table;
}
