/** Concurrent requests of different content never get each other's rows, whatever their sizes, classes and forms. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { PRIORITY_CLASSES } from '@batchyard/shared/contract/job';
import fc from 'fast-check';

import { checkSimple, post, simpleBody, type Answer } from '../support/simple-client.ts';
import { startSystem, type System } from '../support/system.ts';

let system: System;
before(async () => {
  system = await startSystem({ BATCHYARD_WORKERS: '2' });
});
after(() => system.stop());

const request = fc.record({
  seed: fc.integer({ min: 0, max: 10_000_000 }),
  rows: fc.integer({ min: 1, max: 8 }),
  priority: fc.constantFrom(...PRIORITY_CLASSES),
  binary: fc.boolean(),
});

/** The same request with its tensors behind the JSON header. */
async function postBinary(seed: number, rows: number, priority: string): Promise<Answer> {
  const body = simpleBody(seed, rows) as { id: string; inputs: { data?: number[]; parameters?: unknown }[] };
  const tensors = body.inputs.map(({ data = [] }) => Buffer.from(Int32Array.from(data).buffer));
  const inputs = body.inputs.map(({ data: _data, ...input }, i) => ({
    ...input,
    parameters: { binary_data_size: tensors[i]?.byteLength },
  }));
  const header = Buffer.from(JSON.stringify({ ...body, inputs, parameters: { binary_data_output: true } }));
  const answer = await fetch(`${system.url}/v2/models/simple/infer`, {
    method: 'POST',
    headers: { 'inference-header-content-length': String(header.byteLength), 'batchyard-priority': priority },
    body: Buffer.concat([header, ...tensors]),
  });
  assert.equal(answer.status, 200);
  const bytes = Buffer.from(await answer.arrayBuffer());
  const length = Number(answer.headers.get('inference-header-content-length'));
  const head = JSON.parse(bytes.subarray(0, length).toString()) as {
    outputs: { name: string; shape: number[]; parameters: { binary_data_size: number } }[];
  };
  let at = length;
  const outputs = head.outputs.map(({ name, shape, parameters }) => {
    const part = bytes.subarray(at, (at += parameters.binary_data_size));
    return { name, shape, data: Array.from({ length: part.byteLength / 4 }, (_, i) => part.readInt32LE(4 * i)) };
  });
  return { outputs };
}

test('32 concurrent requests each get their own rows', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 32, maxLength: 32 }), async (requests) => {
      await Promise.all(
        requests.map(async ({ seed, rows, priority, binary }) => {
          if (binary) return checkSimple(seed, await postBinary(seed, rows, priority), rows);
          const answer = await post(`${system.url}/v2/models/simple/infer`, simpleBody(seed, rows), {
            'batchyard-priority': priority,
          });
          const body = (await answer.json()) as Answer;
          assert.equal(answer.status, 200, JSON.stringify(body));
          return checkSimple(seed, body, rows);
        }),
      );
    }),
    { numRuns: 30 },
  );
});
