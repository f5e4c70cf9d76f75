import assert from 'node:assert/strict';
import { test } from 'node:test';

import { JOB_ID } from '@batchyard/shared/contract/job';

import { idPrefix, mayBeOf, newJobId } from './job-ids.ts';

test('an id leads to its queue, and to no tenant but its own', () => {
  const [ours, theirs, nobodys] = [newJobId('m@1', 'acme'), newJobId('m@1', 'other'), newJobId('m@1', '-')];
  for (const id of [ours, theirs, nobodys]) {
    assert.match(id, JOB_ID);
    assert.ok(id.startsWith(`${idPrefix('m@1')}-`));
  }
  assert.match(nobodys, /^[a-z2-7]{7}-[a-z2-7]{20}$/);
  assert.deepEqual(
    [ours, theirs, nobodys].map((id) => ['acme', 'other', '-'].filter((tenant) => mayBeOf(id, tenant))),
    [['acme'], ['other'], ['-']],
  );
  assert.equal(mayBeOf('added-by-another-tool', '-'), true);
  assert.equal(mayBeOf('added-by-another-tool', 'acme'), false);
});
