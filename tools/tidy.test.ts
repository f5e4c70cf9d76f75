/** Keeps the tree in the order that CONTRIBUTING.md promises; each check is also shown to find what it is for. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { constants, accessSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SCRIPTS } from '@batchyard/queue/scripts';
import { FAILURES } from '@batchyard/shared/contract/failure';
import {
  type Check,
  failureFindings,
  linksLead,
  namedTestsExist,
  noMachinePaths,
  noRegistries,
  noUnfinishedWork,
  scriptHeaders,
  shortSources,
  smallFiles,
} from './tidy/checks.ts';
import { ROOT, type TreeFile, readTree } from './tidy/tree.ts';

const tree = readTree();
const textOf = (path: string): string => tree.find((file) => file.path === path)?.text ?? '';
/** Text in parts, so that the check does not find it in this file. */
const spelled = (...parts: string[]): string => parts.join('');
const planted = (path: string, text: string, bytes = text.length): TreeFile => ({ path, text, bytes });

const CHECKS: readonly { promise: string; check: Check; bad: readonly TreeFile[] }[] = [
  { promise: 'no file reaches 1 MiB', check: smallFiles, bad: [planted('a.onnx', '', 1024 * 1024)] },
  { promise: 'no source is longer than 300 lines', check: shortSources, bad: [planted('a.lua', 'x\n'.repeat(301))] },
  {
    promise: 'every queue script says its keys, arguments and reply first',
    check: scriptHeaders,
    bad: [
      planted('a-1.lua', 'local a = KEYS[1] -- ARGV[1] Returns'),
      planted('b-1.lua', '--[[ KEYS[1] ]] -- ARGV[1] Returns'),
      planted('x/includes/c.lua', 'return 1'),
    ],
  },
  {
    promise: 'no source speaks of unfinished work',
    check: noUnfinishedWork,
    bad: [planted('a.ts', spelled('// to', 'do: later')), planted('b.lua', spelled('-- a st', 'ub'))],
  },
  {
    promise: 'no file names a path of a machine',
    check: noMachinePaths,
    bad: [planted('a.md', spelled('see /ho', 'me/ann/notes')), planted('b.json', spelled('"/wo', 'rk/main"'))],
  },
  {
    promise: 'no file names a registry, and the lock file no address',
    check: noRegistries,
    bad: [
      planted('a.md', spelled('https://regi', 'stry.example.org/x')),
      planted('package-lock.json', '"resolved": "https://example.org/a.tgz"'),
    ],
  },
  {
    promise: 'every link in a document leads somewhere',
    check: linksLead,
    bad: [planted('a.md', '[x](b.md)'), planted('c.md', '# One\n[x](#two)'), planted('d.md', '[x](a.md#none)')],
  },
  {
    promise: 'every test that a document names exists',
    check: namedTestsExist,
    bad: [planted('docs/a.md', '| x | [a.test.ts](../tools/a.test.ts): `no such test` |')],
  },
];

for (const { promise, check, bad } of CHECKS) {
  test(promise, () => assert.deepEqual(check(tree), []));
  test(`the check finds a breach: ${promise}`, () => {
    for (const file of bad) assert.equal(check([file]).length > 0, true, `${file.path} was not found`);
  });
}

test('docs/failures.md gives status, cause and remedy of exactly the failures of the contract', () => {
  assert.deepEqual(failureFindings(FAILURES, textOf('docs/failures.md')), []);
});

test('a failure that is missing, unknown, misdescribed or without remedy is found', () => {
  const failures = { a: { status: 400, retryable: false }, b: { status: 503, retryable: true } };
  const row = (...cells: string[]): string => `| ${cells.join(' | ')} |\n`;
  const good = row('`a`', '400', 'no', 'why', 'what to do');
  const missing = failureFindings(failures, good);
  const wrong = failureFindings(
    failures,
    good + row('`b`', '503', 'no', 'why', '') + row('`c`', '500', 'no', 'x', 'y'),
  );
  assert.deepEqual(missing, ['b is not described']);
  assert.deepEqual(wrong, [
    'b has status 503, retryable: true',
    'b has no remedy',
    'c is described but does not exist',
  ]);
});

test('every queue script is known to its callers by name, and every name has its script', () => {
  const files = tree.flatMap(({ path }) => /scripts\/(\w+)-\d+\.lua$/.exec(path)?.[1] ?? []);
  assert.deepEqual(files.toSorted(), Object.keys(SCRIPTS).toSorted());
});

test('npm test runs every test file', () => {
  const run = spawnSync(process.execPath, ['tools/test.mjs', '--list'], { cwd: ROOT, encoding: 'utf8' });
  const listed = run.stdout.split('\n').flatMap((line) => line.split(/\s+/)[1] ?? []);
  const present = tree.map(({ path }) => path).filter((path) => /\.test\.\w+$/.test(path));
  assert.deepEqual(listed.toSorted(), present.toSorted());
});

test('CI runs npm test and nothing else', () => {
  accessSync(join(ROOT, '.ci/run'), constants.X_OK);
  const commands = textOf('.ci/run')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  assert.deepEqual(commands, ['set -euo pipefail', 'cd "$(dirname "${BASH_SOURCE[0]}")/.."', 'exec npm test']);
});

test('every pure folder of the lint table has the lint settings of a pure folder', async () => {
  const { pureFolders } = (await import(new URL('lint/folders.mjs', import.meta.url).href)) as {
    pureFolders: string[];
  };
  const settings = textOf('.oxlintrc.json');
  const lists = Array.from(settings.matchAll(/"((?:apps|libs)\/[^"]+)\/\*\*"/g), ([, pattern]) => pattern ?? '');
  const expanded = lists.flatMap((pattern) => {
    const [, before = '', names = '', after = ''] = /^(.*)\{(.*)\}(.*)$/.exec(pattern) ?? ['', pattern];
    return names.split(',').map((name) => before + name + after);
  });
  assert.deepEqual(expanded.toSorted(), pureFolders.toSorted());
});
