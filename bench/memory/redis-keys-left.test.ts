import assert from 'node:assert/strict';
import { test } from 'node:test';

import { kindOf } from './redis-keys-left.ts';

test('a key is told by its kind, not by its queue or id', () => {
  assert.equal(kindOf('{by0}:mid@1:events'), '<queue>:events');
  assert.equal(kindOf('{by0}:text-tagger@1:abcdefg-0123456789abcdefghij'), '<queue>:<job>');
  assert.equal(kindOf('{by0}:mid%401:completed'), '<queue>:completed');
  assert.equal(kindOf('{by0}:x:mid@1:tombs'), 'x:<queue>:tombs');
  assert.equal(kindOf('{by0}:x:queues'), 'x:queues');
  assert.equal(kindOf('other'), 'other');
});
