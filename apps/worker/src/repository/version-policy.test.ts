import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseTextProto } from './text-proto.ts';
import { chooseVersions, MOST_VERSIONS, readVersionPolicy } from './version-policy.ts';

const FOUND = ['9', '10', '2'];
const chosen = (text: string, found: readonly string[] = FOUND) => {
  const policy = parseTextProto(text)['version_policy']?.at(-1);
  return chooseVersions(readVersionPolicy(typeof policy === 'object' ? policy : undefined), found);
};

test('without a policy the newest version serves, by number', () => {
  assert.deepEqual(chosen(''), { versions: ['10'], missing: [] });
  assert.deepEqual(chosen('version_policy { latest { } }'), { versions: ['10'], missing: [] });
});

test('the latest so many, all, and named ones', () => {
  assert.deepEqual(chosen('version_policy: { latest: { num_versions: 2 } }').versions, ['10', '9']);
  assert.deepEqual(chosen('version_policy { latest { num_versions: 9 } }').versions, ['10', '9', '2']);
  assert.deepEqual(chosen('version_policy { all { } }').versions, ['10', '9', '2']);
  assert.deepEqual(chosen('version_policy { specific { versions: [2, 3, 9, 2] } }'), {
    versions: ['9', '2'],
    missing: ['3'],
  });
});

test('versions of one model are bounded', () => {
  const many = Array.from({ length: 100 }, (_, i) => String(i + 1));
  assert.equal(chosen('version_policy { all { } }', many).versions.length, MOST_VERSIONS);
  assert.equal(chosen('version_policy { latest { num_versions: 90 } }', many).versions[0], '100');
});

test('what is no policy is refused by name', () => {
  for (const [text, reason] of [
    ['version_policy { latest { num_versions: 0 } }', /latest\.num_versions/],
    ['version_policy { latest { num_versions: -1 } }', /latest\.num_versions/],
    ['version_policy { specific { } }', /specific names no version/],
    ['version_policy { all { } latest { } }', /one of latest, all, specific/],
    ['version_policy { some { } }', /one of latest, all, specific/],
  ] as const)
    assert.throws(() => chosen(text), reason, text);
});
