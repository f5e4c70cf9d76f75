/**
 * Makes `models/simple`: the model that Triton's own examples call, two INT32[16] in, their sum and difference out.
 * It computes, so nothing was trained. Run: `npx tsx models/make-simple.ts [repository]`.
 */
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import type { OnnxValue } from '../tools/onnx-writer.ts';
import { writeModelFolder, type ModelSource } from './model-folder.ts';

const vector = (name: string): OnnxValue => ({ name, datatype: 'INT32', shape: [16] });

export const simple: ModelSource = {
  name: 'simple',
  maxBatchSize: 8,
  inputs: [vector('INPUT0'), vector('INPUT1')],
  outputs: [vector('OUTPUT0'), vector('OUTPUT1')],
  nodes: [
    { op: 'Add', inputs: ['INPUT0', 'INPUT1'], outputs: ['OUTPUT0'] },
    { op: 'Sub', inputs: ['INPUT0', 'INPUT1'], outputs: ['OUTPUT1'] },
  ],
  settings: ['dynamic_batching { }', 'response_cache { enable: true }'],
};

const here = fileURLToPath(import.meta.url);
if (argv[1] === here) await writeModelFolder(argv[2] ?? fileURLToPath(new URL('.', import.meta.url)), simple);
