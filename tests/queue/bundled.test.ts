/**
 * The tests of the queue's steps on the bundled development server. What it cannot do is listed in docs/deployment.md, test by
 * test: one that fails and is not listed is a step that nobody knows to be broken there, one that is listed and passes is
 * told as a lack that there no longer is.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Histories and fillings that take minutes there, and what starts a Redis of another kind. */
const LEFT_OUT = new Set(
  ['model.property', 'keeping', 'bundled', 'cluster', 'lost-calls', 'watching'].map((name) => `${name}.test.ts`),
);

async function runOnBundled(): Promise<{ passed: string[]; failed: string[] }> {
  const files = (await readdir(`${ROOT}tests/queue`)).filter(
    (name) => name.endsWith('.test.ts') && !LEFT_OUT.has(name),
  );
  const flags = ['--conditions=batchyard-source', '--import', 'tsx', '--test', '--test-reporter=tap'];
  const { NODE_TEST_CONTEXT: _context, ...env } = process.env;
  const child = spawn(
    process.execPath,
    [...flags, '--test-timeout=20000', ...files.map((name) => `tests/queue/${name}`)],
    { cwd: ROOT, env: { ...env, BATCHYARD_TEST_REDIS: 'bundled' }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  await once(child, 'exit');
  const named = (verdict: string): string[] =>
    Array.from(printed.matchAll(new RegExp(`^ *${verdict} \\d+ - (.*?)$`, 'gm')), ([, name = '']) =>
      name.replaceAll(/\\([#\\])/g, '$1'),
    );
  return { passed: named('ok'), failed: named('not ok') };
}

test(
  'the bundled server passes what docs/deployment.md does not say that it cannot',
  { timeout: 120_000 },
  async () => {
    const page = await readFile(`${ROOT}docs/deployment.md`, 'utf8');
    const [, list = ''] = /<!-- bundled: begin -->(.*)<!-- bundled: end -->/s.exec(page) ?? [];
    const rows = Array.from(list.matchAll(/^\| (.+?) +\| (.+?) +\|$/gm), ([, name = '', lack = '']) => ({
      name,
      lack,
    }));
    const told = rows.slice(2);
    const { passed, failed } = await runOnBundled();
    assert.ok(passed.length > 60, `${passed.length} passed`);
    const names = told.map(({ name }) => name);
    assert.deepEqual(
      failed.filter((name) => !names.includes(name)),
      [],
      'fails and is not told',
    );
    const always = told.filter(({ lack }) => !lack.startsWith('slow')).map(({ name }) => name);
    assert.deepEqual(
      always.filter((name) => !failed.includes(name)),
      [],
      'is told and does not fail',
    );
  },
);
