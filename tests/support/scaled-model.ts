/** A model whose answers tell which file computed them: INPUT0 [1] → OUTPUT0 [1], the input times a factor. */
import assert from 'node:assert/strict';

import type { ModelSource } from '../../models/model-folder.ts';
import { post } from './simple-client.ts';

export const scaled = (name: string, factor: number, settings: readonly string[] = []): ModelSource => ({
  name,
  maxBatchSize: 16,
  inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [1] }],
  outputs: [{ name: 'OUTPUT0', datatype: 'FP32', shape: [1] }],
  nodes: [{ op: 'Mul', inputs: ['INPUT0', 'factor'], outputs: ['OUTPUT0'] }],
  initializers: [{ name: 'factor', datatype: 'FP32', shape: [], data: [factor] }],
  settings,
});

export const scaledBody = (value: number): unknown => ({
  inputs: [{ name: 'INPUT0', shape: [1, 1], datatype: 'FP32', data: [value] }],
});

type Answer = { readonly model_version: string; readonly outputs: readonly { readonly data: readonly number[] }[] };

/** By which factor the model answers, and in which version; the status where it does not. */
export async function factorOf(
  url: string,
  path: string,
): Promise<{ readonly status: number; readonly factor?: number; readonly version?: string }> {
  const response = await post(`${url}/v2/models/${path}/infer`, scaledBody(1));
  if (response.status !== 200) {
    await response.arrayBuffer();
    return { status: response.status };
  }
  const { model_version: version, outputs } = (await response.json()) as Answer;
  const factor = outputs[0]?.data[0];
  assert.ok(factor !== undefined);
  return { status: 200, factor, version };
}
