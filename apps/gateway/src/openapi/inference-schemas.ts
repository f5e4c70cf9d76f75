/** What the Open Inference Protocol sends and answers. */
import { DATATYPES } from '@batchyard/shared/contract/tensor';
import { z } from 'zod';

import { extensionSchemas } from './extension-schemas.ts';
import { tritonSchemas } from './failure-answers.ts';

const datatype = z.enum(DATATYPES);
const position = z.int().min(-1);

const tensorData: z.ZodType = z.array(z.union([z.number(), z.string(), z.boolean(), z.lazy(() => tensorData)])).meta({
  description:
    'Elements in row-major order, flat or nested. 64-bit integers are exact, as a number or as text; NaN and infinities are the texts `NaN`, `Infinity` and `-Infinity`.',
});

const inferInput = z
  .looseObject({
    name: z.string(),
    shape: z.array(z.int().min(0)).describe('With the batch axis, where the model has one.'),
    datatype: datatype.describe('FP16 is binary only.'),
    parameters: z
      .looseObject({ binary_data_size: z.int().min(0).optional().describe('Its bytes stand behind the JSON.') })
      .optional(),
    data: tensorData.optional(),
  })
  .meta({ description: 'An input: either `data`, or `binary_data_size`.' });

const requestedOutput = z.looseObject({
  name: z.string(),
  parameters: z
    .looseObject({
      binary_data: z.boolean().optional().describe('Answer it as bytes behind the JSON.'),
      classification: z.int().min(1).optional().describe('Answer the so many largest values as `value:index`.'),
    })
    .optional(),
});

const VALUES = Array.from({ length: 16 }, (_, i) => i);
const ONES = VALUES.map(() => 1);
export const SIMPLE_REQUEST = {
  inputs: [
    { name: 'INPUT0', shape: [1, 16], datatype: 'INT32', data: VALUES },
    { name: 'INPUT1', shape: [1, 16], datatype: 'INT32', data: ONES },
  ],
};

export const inferRequest = z
  .looseObject({
    id: z.string().max(64).optional().describe('Handed back.'),
    parameters: z
      .looseObject({
        priority: z
          .int()
          .min(0)
          .optional()
          .describe('0 is the default; 1 critical, 2 high, 3 normal, 4 low, or a level of the model.'),
        timeout: z.int().min(1).optional().describe('Microseconds within which it has to run.'),
        binary_data_output: z.boolean().optional().describe('Answer all outputs that do not say otherwise as bytes.'),
      })
      .optional()
      .describe('What is not known is ignored; names that begin with `triton_` are refused.'),
    inputs: z.array(inferInput),
    outputs: z.array(requestedOutput).optional().describe('What to answer, in this order; without any all outputs.'),
  })
  .meta({ description: 'An inference request of the Open Inference Protocol.', examples: [SIMPLE_REQUEST] });

export const inferResponse = z
  .object({
    id: z.string().optional().describe('That of the request, where it had one; of a job its id.'),
    model_name: z.string(),
    model_version: z.string(),
    outputs: z.array(z.object({ name: z.string(), datatype, shape: z.array(z.int().min(0)), data: tensorData })),
  })
  .meta({
    description: 'The outputs, in JSON.',
    examples: [
      {
        model_name: 'simple',
        model_version: '1',
        outputs: [
          { name: 'OUTPUT0', datatype: 'INT32', shape: [1, 16], data: VALUES.map((value) => value + 1) },
          { name: 'OUTPUT1', datatype: 'INT32', shape: [1, 16], data: VALUES.map((value) => value - 1) },
        ],
      },
    ],
  });

const tensorMetadata = z.object({
  name: z.string(),
  datatype,
  shape: z.array(position).describe('-1: any length. The first one is the batch axis where the model has one.'),
});
const TENSOR = { datatype: 'INT32', shape: [-1, 16] };

export const serverMetadata = z
  .object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) })
  .meta({ examples: [{ name: 'batchyard', version: '0.1.0', extensions: ['binary_tensor_data', 'classification'] }] });

export const modelMetadata = z
  .object({
    name: z.string(),
    versions: z.array(z.string()),
    platform: z.string(),
    inputs: z.array(tensorMetadata),
    outputs: z.array(tensorMetadata),
  })
  .meta({
    examples: [
      {
        name: 'simple',
        versions: ['1'],
        platform: 'onnxruntime_onnx',
        inputs: ['INPUT0', 'INPUT1'].map((name) => ({ name, ...TENSOR })),
        outputs: ['OUTPUT0', 'OUTPUT1'].map((name) => ({ name, ...TENSOR })),
      },
    ],
  });

export const modelReady = z
  .object({ name: z.string(), ready: z.boolean() })
  .meta({ examples: [{ name: 'simple', ready: true }] });
export const serverReady = z
  .object({ live: z.literal(true), ready: z.boolean() })
  .meta({ examples: [{ live: true, ready: true }] });
export const live = z.object({ live: z.literal(true) }).meta({ examples: [{ live: true }] });
export const ready = z.object({ ready: z.boolean() }).meta({ examples: [{ ready: true }] });

export const inferenceSchemas = {
  ...tritonSchemas,
  ...extensionSchemas,
  TensorData: tensorData,
  InferInput: inferInput,
  InferRequest: inferRequest,
  InferResponse: inferResponse,
  TensorMetadata: tensorMetadata,
  ServerMetadata: serverMetadata,
  ModelMetadata: modelMetadata,
  ModelReady: modelReady,
  ServerReady: serverReady,
  Live: live,
  Ready: ready,
};
