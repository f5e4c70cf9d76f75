/** Test models about rows of variable length: which may be padded, which are and may not be, and which are left alone. */
import { DATATYPES, type Datatype } from '@batchyard/shared/contract/tensor';
import type { OnnxValue } from '../tools/onnx-writer.ts';
import { parameter, type ModelSource } from './model-folder.ts';

const safe = parameter('batchyard.padding', 'safe');
const buckets = (text: string): string => parameter('batchyard.buckets', text);
const pad = (text: string): string => parameter('batchyard.pad_value', text);

/** X → SAME, unchanged: no element depends on another one, so padding cannot matter. */
function padded(name: string, datatype: Datatype, settings: readonly string[]): ModelSource {
  return {
    name,
    maxBatchSize: 16,
    inputs: [{ name: 'X', datatype, shape: ['n'] }],
    outputs: [{ name: 'SAME', datatype, shape: ['n'] }],
    nodes: [{ op: 'Identity', inputs: ['X'], outputs: ['SAME'] }],
    settings,
  };
}

const twice = (shape: OnnxValue['shape']): Pick<ModelSource, 'inputs' | 'outputs' | 'nodes'> => ({
  inputs: [{ name: 'X', datatype: 'FP32', shape }],
  outputs: [{ name: 'TWICE', datatype: 'FP32', shape }],
  nodes: [{ op: 'Add', inputs: ['X', 'X'], outputs: ['TWICE'] }],
});

/** X [h, w] → TWICE [h, w]: both axes have buckets of their own. */
const paddedPicture: ModelSource = {
  name: 'padded_picture',
  maxBatchSize: 16,
  ...twice(['h', 'w']),
  settings: [buckets('X[0]: 2,4,8; X[1]: 4,8'), pad('X: 7'), safe],
};

/** GRID [2, w, 3] → TURNED [3, w, 2], the outer axes swapped, padded between them. */
const paddedGrid: ModelSource = {
  name: 'padded_grid',
  maxBatchSize: 16,
  inputs: [{ name: 'GRID', datatype: 'INT64', shape: [2, 'w', 3] }],
  outputs: [{ name: 'TURNED', datatype: 'INT64', shape: [3, 'w', 2] }],
  nodes: [{ op: 'Transpose', inputs: ['GRID'], outputs: ['TURNED'], attributes: { perm: { ints: [0, 3, 2, 1] } } }],
  settings: [buckets('2,4,8'), pad('-9'), safe],
};

/** LEFT [n] and RIGHT [n] of one length → BOTH [n], their sum, whose axis has no name; and TOTAL [1] of LEFT. */
const paddedPair: ModelSource = {
  name: 'padded_pair',
  maxBatchSize: 16,
  inputs: [
    { name: 'LEFT', datatype: 'FP32', shape: ['n'] },
    { name: 'RIGHT', datatype: 'FP32', shape: ['n'] },
  ],
  outputs: [
    { name: 'BOTH', datatype: 'FP32', shape: [''] },
    { name: 'TOTAL', datatype: 'FP32', shape: [1] },
  ],
  nodes: [
    { op: 'Add', inputs: ['LEFT', 'RIGHT'], outputs: ['BOTH'] },
    { op: 'ReduceSum', inputs: ['LEFT', 'axes'], outputs: ['TOTAL'] },
  ],
  initializers: [{ name: 'axes', datatype: 'INT64', shape: [1], data: [1n] }],
  settings: [buckets('4,8,16'), parameter('batchyard.crop', 'BOTH[0]'), safe],
};

/** X [n] → MEAN [1]: what is padded counts too. */
const mean = (name: string, settings: readonly string[]): ModelSource => ({
  name,
  maxBatchSize: 16,
  inputs: [{ name: 'X', datatype: 'FP32', shape: ['n'] }],
  outputs: [{ name: 'MEAN', datatype: 'FP32', shape: [1] }],
  nodes: [{ op: 'ReduceMean', inputs: ['X'], outputs: ['MEAN'], attributes: { axes: { ints: [1] } } }],
  settings,
});

export const LENGTH_MODELS: readonly ModelSource[] = [
  ...DATATYPES.map((datatype) => padded(`padded_${datatype.toLowerCase()}`, datatype, [buckets('4,8,16'), safe])),
  // Waits for a full batch, so that a test knows who runs together.
  padded('padded_together', 'FP32', [
    buckets('4,8,16'),
    safe,
    parameter('batchyard.strategy', 'fixed'),
    parameter('batchyard.max_wait_ms', '400'),
  ]),
  padded('padded_undeclared', 'FP32', [buckets('4,8,16')]),
  paddedPicture,
  paddedGrid,
  paddedPair,
  mean('mean_rows', []),
  mean('mean_declared_safe', [buckets('4,8,16'), safe]),
];
