/**
 * A worker tells nobody what it does. onnxruntime's own builds report to their makers unless they are told not to, which shows in
 * the home folder: an identifier of the machine, and a database of what is still to be sent.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { checkSimple, post, simpleBody, type Answer } from '../support/simple-client.ts';
import { startSystem } from '../support/system.ts';

test('a worker that serves leaves nothing in the home folder, and onnxruntime reports nothing', async () => {
  const home = await mkdtemp(join(tmpdir(), 'batchyard-home-'));
  const system = await startSystem({ HOME: home });
  try {
    const answer = await post(`${system.url}/v2/models/simple/infer`, simpleBody(3));
    checkSimple(3, (await answer.json()) as Answer);
    assert.deepEqual(await readdir(home, { recursive: true }), []);
  } finally {
    await system.stop();
    await rm(home, { recursive: true });
  }
});
