/** The examples of docs/client.md and docs/cli.md, run as they stand there, and the routing case in its three languages. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { startSystem, type System } from '../support/system.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LIMIT = { timeout: 60_000 };

let system: System;
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batchyard-docs-'));
  system = await startSystem();
});
after(async () => {
  await system.stop();
  await rm(folder, { recursive: true, force: true });
});

async function blocks(file: string, language: string): Promise<string[]> {
  const text = await readFile(join(ROOT, file), 'utf8');
  return [...text.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map(([, block = '']) => block);
}

test('the program of docs/client.md prints what it says', async () => {
  const program = (await blocks('docs/client.md', 'ts')).join('\n').replaceAll('http://127.0.0.1:8000', system.url);
  // Below the repository, where the package is found.
  const file = join(ROOT, '.cache', `client-docs-${process.pid}.mts`);
  await mkdir(join(ROOT, '.cache'), { recursive: true });
  await writeFile(file, program);
  try {
    const { stdout } = await run(process.execPath, ['--import', 'tsx', file], LIMIT);
    const lines = stdout.trim().split('\n');
    const done = lines.filter((line) => line.startsWith('done')).toSorted();
    assert.deepEqual(done, ['done 0', 'done 1', 'done 2']);
    assert.deepEqual(
      lines.filter((line) => !line.startsWith('done')),
      [
        'sum 1,2,3,4',
        'job -1 succeeded',
        'watched simple',
        'many 1,2,3',
        'each 3',
        'bulk 3',
        'failure 404 false',
        'cancelled conflict',
      ],
    );
  } finally {
    await rm(file, { force: true });
  }
});

test('the commands of docs/cli.md run', async () => {
  const [lines = ''] = await blocks('docs/cli.md', 'sh');
  const commands = lines.trim().split('\n');
  assert.ok(commands.length >= 6);
  const env = { PATH: process.env['PATH'], BATCHYARD_URL: system.url, BATCHYARD_OPS_URL: system.ops };
  for (const command of commands) {
    const [name, ...args] = command.split(' ');
    assert.equal(name, 'batchyard');
    const { stdout } = await run(join(ROOT, 'apps/cli/bin/batchyard.mjs'), args, { ...LIMIT, env, cwd: folder });
    assert.ok(stdout.length > 20, command);
  }
});

test('every command of docs/cli.md has its help', async () => {
  const text = await readFile(join(ROOT, 'docs/cli.md'), 'utf8');
  const { stdout } = await run(join(ROOT, 'apps/cli/bin/batchyard.mjs'), ['--help'], { ...LIMIT, cwd: folder });
  const known = [...stdout.matchAll(/^ {2}([a-z0-9]+)\b/gm)]
    .map(([, name = '']) => name)
    .filter((name) => name !== 'help');
  assert.ok(known.length >= 10);
  const told = [...text.matchAll(/^\| `([a-z0-9]+)/gm)].map(([, name = '']) => name);
  for (const name of known) assert.ok(text.includes(`\`${name}`), `docs/cli.md does not tell of ${name}`);
  for (const name of told) assert.ok(known.includes(name), `there is no command ${name}`);
});

test('the routing examples in TypeScript, shell and Python come to the same decisions', async (t) => {
  const python = await run('python3', ['--version']).then(
    () => true,
    () => false,
  );
  for (const kind of ['flat', 'lines', 'gradient']) {
    const image = join(folder, `${kind}.ppm`);
    await run(process.execPath, [join(ROOT, 'examples/make-image.mjs'), image, kind], LIMIT);
    const inTypeScript = await run(
      process.execPath,
      ['--import', 'tsx', join(ROOT, 'examples/route-image.ts'), image, system.url],
      { ...LIMIT, cwd: ROOT },
    );
    const lines = inTypeScript.stdout.split('\n');
    assert.equal(lines.length, 6, inTypeScript.stdout);
    assert.match(lines[0] ?? '', /^trace_flat {5}probability \d\.\d\d {2}expected quality \d\.\d\d$/);
    assert.match(lines[4] ?? '', /^decision: (trace_flat|trace_lines|gradient_mesh|embed_raster|ask a person)$/);
    const inShell = await run(join(ROOT, 'examples/route-image.sh'), [image, system.url], LIMIT);
    assert.equal(inShell.stdout, inTypeScript.stdout);
    if (!python) continue;
    const inPython = await run('python3', [join(ROOT, 'examples/route_image.py'), image, system.url], LIMIT);
    assert.equal(inPython.stdout, inTypeScript.stdout);
  }
  if (!python) t.diagnostic('python3 is not installed: the Python example was not run');
});
