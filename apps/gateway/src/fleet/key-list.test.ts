import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import type { KeyList } from '@batchyard/queue/access';
import { keyIdOf, lockedOut, type ApiKey } from '@batchyard/shared/contract/api-key';

import { createWatchedKeys, hashOf, parseKeyFile } from './key-list.ts';

const SECRET = `byk_${'a'.repeat(43)}`;
const folder = mkdtempSync(join(tmpdir(), 'batchyard-keys-'));
after(() => rmSync(folder, { recursive: true }));

const keyOf = (name: string): ApiKey => {
  const sha256 = hashOf(name);
  return { id: keyIdOf(sha256), sha256, name, tenant: '-', scopes: ['admin'], created_at: '' };
};

function watch(file?: string) {
  let list: KeyList = { version: '', keys: [] };
  let away = false;
  const said: string[] = [];
  let names: string[] = [];
  const watched = createWatchedKeys({
    file,
    async accessKeys(seen) {
      if (away) throw new Error('Redis is away');
      return seen === list.version ? undefined : list;
    },
    changed: (keys) => void (names = keys.map((key) => key.name)),
    report: (sentence) => void said.push(sentence),
  });
  return {
    watched,
    said,
    names: () => names,
    set: (version: string, ...keys: string[]) => void (list = { version, keys: keys.map(keyOf) }),
    setAway: (is: boolean) => void (away = is),
  };
}

test('a changed list counts with the next look, and an emptied one too', async () => {
  const { watched, names, set } = watch();
  set('1', 'a');
  await watched.start();
  assert.deepEqual(names(), ['a']);
  set('2', 'a', 'b');
  await watched.refresh();
  assert.deepEqual(names(), ['a', 'b']);
  set('3');
  await watched.refresh();
  assert.deepEqual(names(), []);
});

test('what was closed stays closed while Redis is away, and when it has lost its keys, until one is made anew', async () => {
  const { watched, names, said, set, setAway } = watch();
  set('1', 'a');
  await watched.start();
  setAway(true);
  await assert.rejects(watched.refresh());
  assert.deepEqual(names(), ['a']);
  setAway(false);
  set('');
  for (let i = 0; i < 3; i += 1) await watched.refresh();
  assert.deepEqual([names(), said.length, watched.stored().version], [['a'], 1, '']);
  set('9', 'new');
  await watched.refresh();
  assert.deepEqual(names(), ['new']);
});

test('the file is read again when it has changed; a broken one is told once and its last keys stand', async () => {
  const file = join(folder, 'keys.json');
  let at = 1_000;
  const write = (text: string): void => {
    writeFileSync(file, text);
    utimesSync(file, (at += 10), at);
  };
  write(JSON.stringify({ keys: [{ name: 'one', scopes: ['infer'], key: SECRET }] }));
  const { watched, names, said } = watch(file);
  await watched.start();
  assert.deepEqual(names(), ['one']);
  write('{');
  for (let i = 0; i < 3; i += 1) await watched.refresh();
  assert.deepEqual([names(), said.length], [['one'], 1]);
  write('{"keys": []}');
  await watched.refresh();
  assert.deepEqual(names(), []);
  await assert.rejects(watch(join(folder, 'none.json')).watched.start(), /BATCHYARD_API_KEYS_FILE cannot be used/);
});

test('a key of the file has its text or its hash, and terms that make sense; nothing of it is in the error', () => {
  const parse = (...keys: unknown[]): ApiKey[] => parseKeyFile(JSON.stringify({ keys }), 'now');
  const terms = { name: 'one', scopes: ['infer'], tenant: 'acme', rate: { rows_per_second: 5 } };
  const [byText] = parse({ ...terms, key: SECRET });
  assert.deepEqual(byText, { ...terms, id: keyIdOf(hashOf(SECRET)), sha256: hashOf(SECRET), created_at: 'now' });
  assert.deepEqual(parse({ ...terms, sha256: hashOf(SECRET) }), [byText]);
  for (const wrong of [
    terms,
    { ...terms, key: SECRET, sha256: hashOf(SECRET) },
    { ...terms, key: 'byk_short' },
    { ...terms, key: SECRET, scopes: [] },
    { ...terms, key: SECRET, scopes: ['root'] },
    { ...terms, key: SECRET, classes: [] },
    { ...terms, key: SECRET, tenant: 'a b' },
    { ...terms, key: SECRET, rate: { rows_per_second: 0 } },
    { ...terms, key: SECRET, extra: 1 },
  ])
    assert.throws(
      () => parse(wrong),
      (error) => error instanceof Error && !error.message.includes('aaaa'),
    );
});

test('keys without an administrator among them are told', () => {
  assert.match(lockedOut([]) ?? '', /nobody could come in/);
  assert.match(lockedOut([{ scopes: ['infer', 'read'] }]) ?? '', /admin/);
  assert.equal(lockedOut([{ scopes: ['infer'] }, { scopes: ['admin'] }]), undefined);
});
