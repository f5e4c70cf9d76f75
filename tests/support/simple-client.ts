/** Requests for the shipped model `simple`: two INT32[16] in, their sum and difference out, so that every answer can be checked. */
import assert from 'node:assert/strict';

export type Answer = {
  readonly outputs: readonly { readonly name: string; readonly shape: number[]; readonly data: number[] }[];
};

/** A body whose values are unique to `seed`, of `rows` rows. */
export function simpleBody(seed: number, rows = 1): Record<string, unknown> {
  const values = Array.from({ length: rows * 16 }, (_, i) => seed * 16 + i);
  const tensor = (name: string, data: number[]): unknown => ({ name, shape: [rows, 16], datatype: 'INT32', data });
  return {
    id: String(seed),
    inputs: [
      tensor('INPUT0', values),
      tensor(
        'INPUT1',
        values.map((v) => v % 7),
      ),
    ],
  };
}

/** Fails unless the answer is the one of this seed, in every element. */
export function checkSimple(seed: number, answer: Answer, rows = 1): void {
  const sum = answer.outputs.find((output) => output.name === 'OUTPUT0');
  const difference = answer.outputs.find((output) => output.name === 'OUTPUT1');
  const values = Array.from({ length: rows * 16 }, (_, i) => seed * 16 + i);
  assert.deepEqual(sum?.shape, [rows, 16]);
  assert.deepEqual(
    sum?.data,
    values.map((v) => v + (v % 7)),
  );
  assert.deepEqual(
    difference?.data,
    values.map((v) => v - (v % 7)),
  );
}

export async function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { method: 'POST', body: JSON.stringify(body), headers });
}
