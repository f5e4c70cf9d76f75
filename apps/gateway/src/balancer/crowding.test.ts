import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';

import { crowdedHosts, crowdedOut, postOf, type Post } from './crowding.ts';

const out = (...posts: Post[]): number[] => {
  const order = posts.map((post, i) => ({ i, post }));
  return [...crowdedOut(order)].map(({ i }) => i);
};
const on = (host: string, cores: number, threads = 1): Post => ({ host, cores, threads });

test('as many take as their host has cores, counted by the threads of a run', () => {
  assert.deepEqual(out(on('a', 2), on('a', 2), on('a', 2)), [2]);
  assert.deepEqual(out(on('a', 4, 2), on('a', 4, 2), on('a', 4, 2)), [2]);
  assert.deepEqual(out(on('a', 1), on('b', 1), on('a', 1), on('b', 1)), [2, 3]);
});

test('the first of a host always takes, also with more threads than cores, and a smaller one may follow a larger', () => {
  assert.deepEqual(out(on('a', 2, 8)), []);
  assert.deepEqual(out(on('a', 3, 2), on('a', 3, 2), on('a', 3, 1)), [1]);
});

const beat = (host: string, cores?: number): Heartbeat =>
  ({ host, ...(cores === undefined ? {} : { cores }), models: [{ queue: 'm@1', intra_op_threads: 3 }] }) as Heartbeat;

test('workers that do not tell their cores are never too many', () => {
  assert.deepEqual(postOf(beat('a'), 'm@1'), on('a', Number.POSITIVE_INFINITY, 3));
  assert.deepEqual(out(postOf(beat('a'), 'm@1'), postOf(beat('a'), 'm@1')), []);
  assert.deepEqual(crowdedHosts([beat('a'), beat('a')]), []);
});

test('hosts with more workers than cores are named', () => {
  const beats = [beat('a', 2), beat('a', 2), beat('a', 2), beat('b', 2), beat('b', 2)];
  assert.deepEqual(crowdedHosts(beats), [{ host: 'a', cores: 2, workers: 3 }]);
});
