/**
 * The models that benchmarks run, made by script with seeded weights: no training, the time of a run is what counts.
 * Written once, git-ignored, each in a repository of its own in Triton's layout: a system under test serves one of them.
 *
 *   mid  768 → 2048 → 2048 → 10, ReLU between     5.8 M weights: a run costs about as much as a request around it
 *   mlp  64 → 128 → 10                            the model costs nothing: what is measured is everything around it
 *   cnn  3×64×64, 8 convolutions → 10             the input is 48 KiB: what is measured is moving it
 *   heavy  64 → 64, one layer 9,000 times → 10    about 5 ms whether 1 row runs or 3: the model is the load, and batches pay
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { writeModelFolder, type ModelSource } from '../models/model-folder.ts';
import type { OnnxInitializer, OnnxNode } from '../tools/onnx-writer.ts';
import { BENCH_MODELS, MAX_BATCH, ROW_SHAPE, type BenchModel } from './model-rows.ts';
import { createRandom } from '@batchyard/loadtest/plan/random';

const CLASSES = 10;
/** Changes when what is written changes, so that a kept folder is written again. */
const REVISION = '6';

type Layers = { readonly nodes: OnnxNode[]; readonly initializers: OnnxInitializer[] };

/** Uniform weights of variance 2 / fan-in, so that activations neither vanish nor explode over the layers. */
function weights(name: string, shape: readonly number[], random: () => number): OnnxInitializer {
  const fanIn = shape.slice(1).reduce((product, size) => product * size, 1);
  const data = new Float32Array(fanIn * (shape[0] ?? 1));
  const reach = Math.sqrt(6 / fanIn);
  for (let i = 0; i < data.length; i += 1) data[i] = (2 * random() - 1) * reach;
  return { name, datatype: 'FP32', shape, data };
}

const zeros = (name: string, size: number): OnnxInitializer => ({
  name,
  datatype: 'FP32',
  shape: [size],
  data: new Float32Array(size),
});

/** Fully connected layers of these widths, ReLU between them, from `from` to OUTPUT. */
function dense(layers: Layers, from: string, widths: readonly number[], random: () => number): void {
  let [value, columns] = [from, widths[0] ?? 0];
  for (const [i, rows] of widths.slice(1).entries()) {
    const last = i === widths.length - 2;
    const sum = last ? 'OUTPUT' : `sum${i}`;
    layers.initializers.push(weights(`w${i}`, [rows, columns], random), zeros(`b${i}`, rows));
    const inputs = [value, `w${i}`, `b${i}`];
    layers.nodes.push({ op: 'Gemm', inputs, outputs: [sum], attributes: { transB: { int: 1 } } });
    if (!last) layers.nodes.push({ op: 'Relu', inputs: [sum], outputs: [`relu${i}`] });
    [value, columns] = [`relu${i}`, rows];
  }
}

/** [channels out, stride] of each convolution, 3×3, padded. */
const CONVOLUTIONS = [
  [32, 1],
  [32, 2],
  [48, 1],
  [48, 2],
  [96, 1],
  [96, 2],
  [96, 1],
  [96, 1],
] as const;

function convolutions(layers: Layers, random: () => number): void {
  let [value, channels] = ['INPUT', 3];
  for (const [i, [out, stride]] of CONVOLUTIONS.entries()) {
    layers.initializers.push(weights(`k${i}`, [out, channels, 3, 3], random), zeros(`c${i}`, out));
    const attributes = { strides: { ints: [stride, stride] }, pads: { ints: [1, 1, 1, 1] } };
    layers.nodes.push({ op: 'Conv', inputs: [value, `k${i}`, `c${i}`], outputs: [`conv${i}`], attributes });
    layers.nodes.push({ op: 'Relu', inputs: [`conv${i}`], outputs: [`act${i}`] });
    [value, channels] = [`act${i}`, out];
  }
  layers.nodes.push({ op: 'GlobalAveragePool', inputs: [value], outputs: ['pooled'] });
  layers.nodes.push({ op: 'Flatten', inputs: ['pooled'], outputs: ['flat'] });
  dense(layers, 'flat', [channels, CLASSES], random);
}

const REPEATS = 9_000;
/** Narrow, so that starting an operator costs more than what it computes for a row, on any processor: batches gain. */
const REPEATED_WIDTH = 64;

/**
 * x ← ReLU(W x + x0), again and again: thousands of small operators, each of which costs nearly the same for a few rows
 * as for one. W contracts, so that the values settle at a point that depends on the input and rounding does not grow.
 */
function repeated(layers: Layers, columns: number, random: () => number): void {
  const once = weights('w', [REPEATED_WIDTH, REPEATED_WIDTH], random);
  const contracting = { ...once, data: (once.data as Float32Array).map((value) => value / 3) };
  layers.initializers.push(
    contracting,
    weights('wIn', [REPEATED_WIDTH, columns], random),
    zeros('bIn', REPEATED_WIDTH),
  );
  const attributes = { transB: { int: 1 } };
  layers.nodes.push({ op: 'Gemm', inputs: ['INPUT', 'wIn', 'bIn'], outputs: ['x0'], attributes });
  for (let i = 1; i <= REPEATS; i += 1) {
    layers.nodes.push({ op: 'Gemm', inputs: [`x${i - 1}`, 'w', 'x0'], outputs: [`y${i}`], attributes });
    layers.nodes.push({ op: 'Relu', inputs: [`y${i}`], outputs: [`x${i}`] });
  }
  dense(layers, `x${REPEATS}`, [REPEATED_WIDTH, CLASSES], random);
}

function benchModel(name: BenchModel): ModelSource {
  const random = createRandom(name.charCodeAt(1));
  const layers: Layers = { nodes: [], initializers: [] };
  if (name === 'cnn') convolutions(layers, random);
  else if (name === 'heavy') repeated(layers, 64, random);
  else dense(layers, 'INPUT', name === 'mid' ? [768, 2048, 2048, CLASSES] : [64, 128, CLASSES], random);
  return {
    name,
    maxBatchSize: MAX_BATCH[name],
    inputs: [{ name: 'INPUT', datatype: 'FP32', shape: ROW_SHAPE[name] }],
    outputs: [{ name: 'OUTPUT', datatype: 'FP32', shape: [CLASSES] }],
    ...layers,
    settings: ['dynamic_batching { }'],
  };
}

const CACHE = fileURLToPath(new URL('../.cache/', import.meta.url));

/** @returns the folder of the repositories, written first where it is missing or of an older revision. */
export async function writeBenchModels(): Promise<string> {
  const folder = `${CACHE}bench-models`;
  const stamp = `${CACHE}bench-models.revision`;
  if (existsSync(folder) && (await readFile(stamp, 'utf8').catch(() => '')) === REVISION) return folder;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const name of BENCH_MODELS) await writeModelFolder(`${folder}/${name}`, benchModel(name));
  await writeFile(stamp, REVISION);
  return folder;
}
