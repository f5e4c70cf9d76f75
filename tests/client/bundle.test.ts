/** The client in a browser's bundle: nothing of Node, nothing of other packages, and only what is used. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SOURCES = join(ROOT, 'libs/client/src');

async function bundled(contents: string): Promise<{ text: string; files: string[] }> {
  // For browsers esbuild fails on a builtin of Node.
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: ROOT },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    platform: 'browser',
    format: 'esm',
    conditions: ['batchyard-source'],
    logLevel: 'silent',
  });
  return { text: outputFiles[0]?.text ?? '', files: Object.keys(metafile.inputs).filter((file) => file !== '<stdin>') };
}

const modules = async (): Promise<string[]> =>
  (await readdir(SOURCES)).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));

test('every module of the client goes into a browser, alone', async () => {
  const names = (await modules()).map((name) => name.slice(0, -3));
  assert.ok(names.length > 10);
  const all = names.map((name, i) => `export * as m${i} from '@batchyard/client/${name}';`).join('\n');
  const { files, text } = await bundled(all);
  assert.deepEqual(files.toSorted(), names.map((name) => `libs/client/src/${name}.ts`).toSorted());
  assert.doesNotMatch(text, /node:|\brequire\(|\bprocess\./);
});

test('what is not used is shaken off, also when everything is at hand', async () => {
  const everything = (await modules()).map(
    (name, i) => `import * as m${i} from '@batchyard/client/${name.slice(0, -3)}';`,
  );
  const at = (await modules()).indexOf('infer.ts');
  const { text } = await bundled(`${everything.join('\n')}\nconsole.log(m${at}.infer);`);
  assert.match(text, /\/infer/);
  for (const part of ['idempotency-key', 'last-event-id', '/health/ready', 'typed array of its own kind'])
    assert.ok(!text.includes(part), `${part} is of a part that nobody uses`);
  assert.ok(text.length < 8_000, `${text.length} bytes`);
});

test('a bundle that would need Node is noticed', async () => {
  await assert.rejects(bundled(`import { readFile } from 'node:fs/promises'; console.log(readFile)`), /node:fs/);
});
