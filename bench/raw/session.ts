/**
 * onnxruntime-node alone, one thread, in a process of its own: what the model could do if nothing were around it. Input
 * tensors are made once and outputs thrown away.
 */
import { InferenceSession, Tensor } from 'onnxruntime-node';

import { MAX_BATCH, modelFile, ROW_SHAPE, type BenchModel } from '../model-rows.ts';
import { serveParent } from '../processes/serve-parent.ts';
import { median, quantile } from '../statistics.ts';

const BATCHES = [1, 2, 4, 8, 16, 32, 64];
const sessions = new Map<BenchModel, InferenceSession>();
let folder = '';

async function sessionOf(model: BenchModel): Promise<InferenceSession> {
  const found = sessions.get(model);
  if (found) return found;
  const session = await InferenceSession.create(modelFile(folder, model), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    extra: { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } },
  });
  sessions.set(model, session);
  return session;
}

function inputOf(model: BenchModel, batch: number): Record<string, Tensor> {
  const shape = [batch, ...ROW_SHAPE[model]];
  const size = shape.reduce((product, dim) => product * dim, 1);
  const data = Float32Array.from({ length: size }, (_, i) => ((i * 7919) % 1000) / 1000);
  return { INPUT: new Tensor('float32', data, shape) };
}

/** Rows a second at this batch size, measured for `ms` after one run to warm up. */
async function rowsPerS(model: BenchModel, batch: number, ms: number): Promise<number> {
  const session = await sessionOf(model);
  const input = inputOf(model, batch);
  await session.run(input);
  const start = performance.now();
  let [rows, now] = [0, start];
  while (now - start < ms) {
    await session.run(input);
    rows += batch;
    now = performance.now();
  }
  return (1000 * rows) / (now - start);
}

const handlers = {
  /** Where the repositories are. */
  use: async (repository: string) => {
    folder = repository;
  },
  /** Tries every batch size that the model may have for `ms` each; `gain`: the best rate over that of single rows. */
  best: async ({ model, ms }: { model: BenchModel; ms: number }) => {
    let best = { batch: 0, rowsPerS: 0 };
    let single = 0;
    for (const batch of BATCHES.filter((size) => size <= MAX_BATCH[model])) {
      const rate = await rowsPerS(model, batch, ms);
      if (batch === 1) single = rate;
      if (rate > best.rowsPerS) best = { batch, rowsPerS: rate };
    }
    return { ...best, gain: best.rowsPerS / single };
  },
  rate: async ({ model, batch, ms }: { model: BenchModel; batch: number; ms: number }) => rowsPerS(model, batch, ms),
  /** Run times of one row in ms, `pauseMs` apart (0: one after another, caches warm). */
  oneRow: async ({ model, runs, pauseMs }: { model: BenchModel; runs: number; pauseMs: number }) => {
    const session = await sessionOf(model);
    const input = inputOf(model, 1);
    await session.run(input);
    const times: number[] = [];
    for (let i = 0; i < runs; i += 1) {
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      const start = performance.now();
      await session.run(input);
      times.push(performance.now() - start);
    }
    return { p50: median(times), p99: quantile(times, 0.99) };
  },
  /** The outputs for these rows, to compare a server's answer with. */
  answer: async ({ model, rows, data }: { model: BenchModel; rows: number; data: number[] }) => {
    const session = await sessionOf(model);
    const input = new Tensor('float32', Float32Array.from(data), [rows, ...ROW_SHAPE[model]]);
    const output = (await session.run({ INPUT: input }))['OUTPUT'];
    return Array.from(output?.data as Float32Array);
  },
};
export type RawHandlers = typeof handlers;

serveParent(handlers);
