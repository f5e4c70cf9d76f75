import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createRunGate } from './run-gate.ts';

/** Runs that have begun, in order. */
function beginning() {
  const gate = createRunGate();
  const begun: string[] = [];
  return {
    gate,
    begun,
    async ask(name: string, alone = false): Promise<void> {
      void gate.enter(alone).then(() => begun.push(name));
      await Promise.resolve();
    },
  };
}

test('runs of several models go on side by side', async () => {
  const { begun, ask } = beginning();
  await ask('a');
  await ask('b');
  assert.deepEqual(begun, ['a', 'b']);
});

test('a suspect waits for all others to end, and then has the worker to itself', async () => {
  const { gate, begun, ask } = beginning();
  await ask('a');
  await ask('b');
  await ask('suspect', true);
  await ask('c');
  assert.deepEqual(begun, ['a', 'b']);
  gate.leave();
  await Promise.resolve();
  assert.deepEqual(begun, ['a', 'b']);
  gate.leave();
  await Promise.resolve();
  assert.deepEqual(begun, ['a', 'b', 'suspect']);
  gate.leave();
  await Promise.resolve();
  assert.deepEqual(begun, ['a', 'b', 'suspect', 'c']);
});

test('two suspects do not run together', async () => {
  const { gate, begun, ask } = beginning();
  await ask('one', true);
  await ask('two', true);
  assert.deepEqual(begun, ['one']);
  gate.leave();
  await Promise.resolve();
  assert.deepEqual(begun, ['one', 'two']);
});
