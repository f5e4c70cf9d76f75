import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';

import { createHostWatch } from './watch-hosts.ts';

const beats = (count: number): Heartbeat[] =>
  Array.from({ length: count }, () => ({ host: 'small', cores: 2 }) as Heartbeat);

test('a host with too many workers is told of once, and again only after it was mended', () => {
  const said: unknown[] = [];
  const watch = createHostWatch((line) => void said.push(line));
  for (const count of [2, 3, 3]) watch.look(beats(count));
  assert.deepEqual(said, [{ host: 'small', cores: 2, workers: 3 }]);
  for (const count of [2, 4]) watch.look(beats(count));
  assert.equal(said.length, 2);
});
