/** Fast and wrong does not count: before anything is measured, each system answers one row as onnxruntime does. */
import type { RawHandlers } from '../raw/session.ts';
import type { Helper } from '../processes/helper.ts';
import { ROW_SHAPE, type BenchModel } from '../model-rows.ts';
import type { Systems } from '../stage.ts';

type Answer = { readonly outputs: readonly { readonly data: readonly number[] }[] };

/** Rows that run in another batch size may differ in the last bits. */
const TOLERANCE = 1e-3;

export async function checkModel(raw: Helper<RawHandlers>, port: number, model: BenchModel): Promise<void> {
  const shape = [1, ...ROW_SHAPE[model]];
  const size = shape.reduce((product, dim) => product * dim, 1);
  const data = Array.from({ length: size }, (_, i) => ((i * 31) % 97) / 97);
  const expected = await raw.ask('answer', { model, rows: 1, data });
  const response = await fetch(`http://127.0.0.1:${port}/v2/models/${model}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ inputs: [{ name: 'INPUT', datatype: 'FP32', shape, data }] }),
  });
  if (response.status !== 200) throw new Error(`${model}: status ${response.status}: ${await response.text()}`);
  const body = (await response.json()) as Answer | readonly Answer[];
  // A peer whose batches are lists answers a list of one.
  const answer = 'outputs' in body ? body : body[0];
  const found = answer?.outputs[0]?.data ?? [];
  const off = expected.findIndex((value, i) => !(Math.abs(value - (found[i] ?? Number.NaN)) <= TOLERANCE));
  if (off >= 0 || found.length !== expected.length) {
    throw new Error(`${model}: answered ${JSON.stringify(found)}, onnxruntime says ${JSON.stringify(expected)}`);
  }
}

export async function checkAnswers(raw: Helper<RawHandlers>, systems: Systems, model: BenchModel): Promise<void> {
  for (const served of [systems.batchyard, systems.textbook]) await checkModel(raw, served.port, model);
}
