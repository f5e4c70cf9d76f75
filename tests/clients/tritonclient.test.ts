/** The unmodified tritonclient[http] from its registry: health, metadata, ready, infer in every datatype, JSON and binary. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { makeTestModels } from '../../models/make-test-models.ts';
import { pythonWith } from '../support/python.ts';
import { startSystem } from '../support/system.ts';

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL('triton_http.py', import.meta.url));

test('tritonclient[http] works unmodified', { timeout: 600_000 }, async (t) => {
  const found = await pythonWith(['tritonclient[http]==2.73.0', 'numpy<3']);
  if ('missing' in found) {
    t.skip(found.missing);
    return;
  }
  const models = await mkdtemp(join(tmpdir(), 'batchyard-models-'));
  await makeTestModels(models);
  const system = await startSystem({ BATCHYARD_MODELS: models });
  try {
    const { stdout } = await run(found.python, [SCRIPT, system.url.replace('http://', '')], { timeout: 120_000 });
    assert.match(stdout, /tritonclient agrees/);
  } finally {
    await system.stop();
    await rm(models, { recursive: true, force: true });
  }
});
