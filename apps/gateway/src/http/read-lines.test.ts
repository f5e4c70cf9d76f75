import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { readLines } from './read-lines.ts';

async function* inPieces(text: string, sizes: readonly number[]): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let from = 0, i = 0; from < bytes.byteLength; i += 1) {
    const to = from + (sizes[i % sizes.length] ?? 1);
    yield bytes.subarray(from, to);
    from = to;
  }
}
async function linesOf(text: string, sizes: readonly number[], limit: number): Promise<(string | undefined)[]> {
  const lines: (string | undefined)[] = [];
  for await (const line of readLines(inPieces(text, sizes), limit)) lines.push(line?.toString());
  return lines;
}

test('lines are the same however they are cut, blank ones are left out, and long ones are named', async () => {
  const limit = 12;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.stringMatching(/^[a-z{} ]{0,20}$/), { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
      fc.boolean(),
      async (lines, sizes, closed) => {
        const wanted = lines
          .filter((line) => line.length > limit || line.trim() !== '')
          .map((line) => (line.length > limit ? undefined : line));
        assert.deepEqual(await linesOf(lines.join('\n') + (closed ? '\n' : ''), sizes, limit), wanted);
      },
    ),
  );
});

test('a stream that fails says so after the lines that were whole', async () => {
  async function* failing(): AsyncGenerator<Buffer> {
    yield Buffer.from('a\nb');
    throw new Error('cut');
  }
  const lines: string[] = [];
  await assert.rejects(async () => {
    for await (const line of readLines(failing(), 10)) lines.push(String(line));
  }, /cut/);
  assert.deepEqual(lines, ['a']);
});
