/**
 * The models that tests serve: one for each thing that can go right or wrong with a model. What a model answers can
 * be told from its input by a line of JavaScript, so a test can check every row it gets back.
 */
import { DATATYPES, type Datatype } from '@batchyard/shared/contract/tensor';
import type { OnnxInitializer, OnnxNode } from '../tools/onnx-writer.ts';
import { parameter, type ModelSource } from './model-folder.ts';

/** INPUT0 → OUTPUT0 unchanged, rows of any length. */
function identity(name: string, datatype: Datatype, settings: readonly string[] = []): ModelSource {
  return {
    name,
    maxBatchSize: 16,
    inputs: [{ name: 'INPUT0', datatype, shape: ['n'] }],
    outputs: [{ name: 'OUTPUT0', datatype, shape: ['n'] }],
    nodes: [{ op: 'Identity', inputs: ['INPUT0'], outputs: ['OUTPUT0'] }],
    settings,
  };
}

/** X (any shape of rank 1) → TOTAL, its sum, shape [1]. No batch axis. */
const unbatchedSum: ModelSource = {
  name: 'unbatched_sum',
  maxBatchSize: 0,
  inputs: [{ name: 'X', datatype: 'FP32', shape: ['n'] }],
  outputs: [{ name: 'TOTAL', datatype: 'FP32', shape: [1] }],
  nodes: [{ op: 'ReduceSum', inputs: ['X'], outputs: ['TOTAL'] }],
};

/** A [n] and B [m] → JOINED [n + m], A's elements before B's. */
const concatPair: ModelSource = {
  name: 'concat_pair',
  maxBatchSize: 16,
  inputs: [
    { name: 'A', datatype: 'FP32', shape: ['n'] },
    { name: 'B', datatype: 'FP32', shape: ['m'] },
  ],
  outputs: [{ name: 'JOINED', datatype: 'FP32', shape: ['n_plus_m'] }],
  nodes: [{ op: 'Concat', inputs: ['A', 'B'], outputs: ['JOINED'], attributes: { axis: { int: 1 } } }],
};

/** GRID [2, w, 3] → TURNED [3, w, 2], the outer axes swapped. */
const turnGrid: ModelSource = {
  name: 'turn_grid',
  maxBatchSize: 16,
  inputs: [{ name: 'GRID', datatype: 'INT64', shape: [2, 'w', 3] }],
  outputs: [{ name: 'TURNED', datatype: 'INT64', shape: [3, 'w', 2] }],
  nodes: [{ op: 'Transpose', inputs: ['GRID'], outputs: ['TURNED'], attributes: { perm: { ints: [0, 3, 2, 1] } } }],
};

/**
 * CODE [1] → TWICE [1] for codes from 0 to 999. Any other code of 1000 or above (or below -1000) is out of the table's
 * range: onnxruntime throws, and with it the whole batch fails.
 */
const poison: ModelSource = {
  name: 'poison',
  maxBatchSize: 16,
  inputs: [{ name: 'CODE', datatype: 'INT32', shape: [1] }],
  outputs: [{ name: 'TWICE', datatype: 'INT32', shape: [1] }],
  nodes: [{ op: 'Gather', inputs: ['table', 'CODE'], outputs: ['TWICE'] }],
  initializers: [
    { name: 'table', datatype: 'INT32', shape: [1000], data: Array.from({ length: 1000 }, (_, i) => i * 2) },
  ],
};

/**
 * CODE [1] → RATIO [1], -2^31 divided by the code. The quotient for -1 is 2^31, which INT32 does not have: an x86
 * processor traps on that, and the process is gone. (A code of 0 is refused by onnxruntime, like any error of a model.)
 */
const deadly: ModelSource = {
  name: 'deadly',
  maxBatchSize: 16,
  inputs: [{ name: 'CODE', datatype: 'INT32', shape: [1] }],
  outputs: [{ name: 'RATIO', datatype: 'INT32', shape: [1] }],
  nodes: [{ op: 'Div', inputs: ['least', 'CODE'], outputs: ['RATIO'] }],
  initializers: [{ name: 'least', datatype: 'INT32', shape: [], data: [-(2 ** 31)] }],
};

/** Of the square matrix in `busy` and `slow`. */
const WIDTH = 256;

/** Matrix products of `busy`, each of 2 · 256² · WORK operations. */
const BUSY_PRODUCTS = 200;

/**
 * WORK [1] → TWICE [1]. A run takes time by the sum of its WORK: none to speak of for small numbers, about ten seconds for
 * 100,000 (and 200 MB of memory).
 */
const busy: ModelSource = {
  name: 'busy',
  maxBatchSize: 16,
  inputs: [{ name: 'WORK', datatype: 'FP32', shape: [1] }],
  outputs: [{ name: 'TWICE', datatype: 'FP32', shape: [1] }],
  nodes: [
    { op: 'ReduceSum', inputs: ['WORK'], outputs: ['workSum'], attributes: { keepdims: { int: 0 } } },
    { op: 'Cast', inputs: ['workSum'], outputs: ['height'], attributes: { to: { int: 7 } } },
    { op: 'Unsqueeze', inputs: ['height', 'firstAxis'], outputs: ['heights'] },
    { op: 'Concat', inputs: ['heights', 'width'], outputs: ['size'], attributes: { axis: { int: 0 } } },
    { op: 'ConstantOfShape', inputs: ['size'], outputs: ['m0'] },
    ...Array.from({ length: BUSY_PRODUCTS }, (_, i): OnnxNode => ({
      op: 'MatMul',
      inputs: [`m${i}`, 'mirror'],
      outputs: [`m${i + 1}`],
    })),
    {
      op: 'ReduceSum',
      inputs: [`m${BUSY_PRODUCTS}`],
      outputs: ['nothing'],
      attributes: { keepdims: { int: 0 } },
    },
    { op: 'Add', inputs: ['WORK', 'WORK'], outputs: ['both'] },
    { op: 'Add', inputs: ['both', 'nothing'], outputs: ['TWICE'] },
  ],
  initializers: [
    mirror(),
    { name: 'firstAxis', datatype: 'INT64', shape: [1], data: [0] },
    { name: 'width', datatype: 'INT64', shape: [1], data: [WIDTH] },
  ],
};

/** Without a config.pbtxt. ROWS [n] → DOUBLED [n]: two rows equal one and one, so the first axis is a batch. */
const bareRows: ModelSource = {
  name: 'bare_rows',
  maxBatchSize: 0,
  withoutConfig: true,
  inputs: [{ name: 'ROWS', datatype: 'FP32', shape: ['n'] }],
  outputs: [{ name: 'DOUBLED', datatype: 'FP32', shape: ['n'] }],
  nodes: [{ op: 'Add', inputs: ['ROWS', 'ROWS'], outputs: ['DOUBLED'] }],
};

/** Without a config.pbtxt. Adds up along the first axis, which therefore is no batch though it is free and common. */
const bareCumulative: ModelSource = {
  ...bareRows,
  name: 'bare_cumulative',
  outputs: [{ name: 'SUMS', datatype: 'FP32', shape: ['n'] }],
  nodes: [{ op: 'CumSum', inputs: ['ROWS', 'axis'], outputs: ['SUMS'] }],
  initializers: [{ name: 'axis', datatype: 'INT64', shape: [], data: [0n] }],
};

const ROW_WORK = 128;

/**
 * INPUT0 [4] → OUTPUT0 [4], twice the input, after `products` matrix products that are there once a run and a
 * smaller one for each row. Most of a run's time does not depend on the batch, so batching pays (measured: a batch of
 * 16 gives 10 times the rows a second). One product is 33.5 MFLOP, about 0.3 ms on one core, so `slow` runs about 5 ms
 * and `slower` about 50 ms.
 */
function slow(name: string, products: number): ModelSource {
  const chain = Array.from({ length: products }, (_, i): OnnxNode => ({
    op: 'MatMul',
    inputs: [`m${i}`, 'mirror'],
    outputs: [`m${i + 1}`],
  }));
  return {
    name,
    maxBatchSize: 16,
    inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [4] }],
    outputs: [{ name: 'OUTPUT0', datatype: 'FP32', shape: [4] }],
    nodes: [
      // 1, computed from the batch size: the optimiser cannot know it and so cannot fold the chain away.
      { op: 'Shape', inputs: ['INPUT0'], outputs: ['size'], attributes: { end: { int: 1 } } },
      { op: 'Cast', inputs: ['size'], outputs: ['sizeFloat'], attributes: { to: { int: 1 } } },
      { op: 'Div', inputs: ['sizeFloat', 'sizeFloat'], outputs: ['one'] },
      { op: 'Mul', inputs: ['mirror', 'one'], outputs: ['m0'] },
      ...chain,
      { op: 'ReduceSum', inputs: [`m${products}`], outputs: ['chainSum'], attributes: { keepdims: { int: 0 } } },
      { op: 'Mul', inputs: ['chainSum', 'zero'], outputs: ['chainZero'] },
      { op: 'Concat', inputs: ['size', 'rowShape'], outputs: ['rowsShape'], attributes: { axis: { int: 0 } } },
      { op: 'ConstantOfShape', inputs: ['rowsShape'], outputs: ['rows'] },
      { op: 'MatMul', inputs: ['rows', 'mirror'], outputs: ['rowsDone'] },
      { op: 'ReduceSum', inputs: ['rowsDone', 'rowAxes'], outputs: ['rowsZero'], attributes: { keepdims: { int: 0 } } },
      { op: 'Unsqueeze', inputs: ['rowsZero', 'lastAxis'], outputs: ['rowsZeros'] },
      { op: 'Add', inputs: ['INPUT0', 'INPUT0'], outputs: ['twice'] },
      { op: 'Add', inputs: ['twice', 'rowsZeros'], outputs: ['twiceAgain'] },
      { op: 'Add', inputs: ['twiceAgain', 'chainZero'], outputs: ['OUTPUT0'] },
    ],
    initializers: [
      mirror(),
      { name: 'zero', datatype: 'FP32', shape: [], data: [0] },
      { name: 'rowShape', datatype: 'INT64', shape: [2], data: [ROW_WORK, WIDTH] },
      { name: 'rowAxes', datatype: 'INT64', shape: [2], data: [1, 2] },
      { name: 'lastAxis', datatype: 'INT64', shape: [1], data: [1] },
    ],
  };
}

/** A reflection I - 2vvᵀ with |v| = 1: however often it is applied, the numbers neither grow nor become denormal. */
function mirror(): OnnxInitializer {
  const data = new Float32Array(WIDTH * WIDTH);
  for (let row = 0; row < WIDTH; row++) {
    for (let column = 0; column < WIDTH; column++) {
      data[row * WIDTH + column] = (row === column ? 1 : 0) - 2 / WIDTH;
    }
  }
  return { name: 'mirror', datatype: 'FP32', shape: [WIDTH, WIDTH], data };
}

export const TEST_MODELS: readonly ModelSource[] = [
  ...DATATYPES.map((datatype) => identity(`identity_${datatype.toLowerCase()}`, datatype)),
  identity('identity_nan_pass', 'FP32', [parameter('batchyard.nan', 'pass')]),
  identity('identity_nan_reject', 'FP32', [parameter('batchyard.nan', 'reject')]),
  identity('identity_cached', 'FP32', ['response_cache { enable: true }']),
  unbatchedSum,
  concatPair,
  turnGrid,
  poison,
  deadly,
  busy,
  bareRows,
  bareCumulative,
  slow('slow', 16),
  slow('slower', 160),
];
