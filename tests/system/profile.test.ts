/** `profile`: measured by itself, with lines that the repository reads. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { makeTestModels } from '../../models/make-test-models.ts';
import { openModel } from '../../apps/worker/src/repository/open-repository.ts';

const run = promisify(execFile);
const WORKER = fileURLToPath(new URL('../../apps/worker/dist/main.js', import.meta.url));

test('a model is measured, and its recommended settings are a configuration', async () => {
  const models = await mkdtemp(join(tmpdir(), 'batchyard-profile-'));
  try {
    await makeTestModels(models, ['simple']);
    const env = { ...process.env, BATCHYARD_MODELS: models };
    const { stdout } = await run(process.execPath, [WORKER, 'profile', 'simple', '--json'], { env });
    const profile = JSON.parse(stdout) as {
      model: string;
      measured: { threads: number; instances: number; rows_per_s: Record<string, number> }[];
      recommended: { rows: number; instances: number; threads: number };
      lines: string[];
    };
    assert.equal(profile.model, 'simple@1');
    assert.ok(profile.measured.length > 0);
    for (const { rows_per_s: rates } of profile.measured) assert.ok(Object.values(rates).every((rate) => rate > 0));
    const file = join(models, 'simple/config.pbtxt');
    const written = (await readFile(file, 'utf8')).replace(/^max_batch_size.*$/m, '');
    await writeFile(file, written);
    await appendFile(file, `${profile.lines.join('\n')}\n`);
    const [model] = (await openModel(models, 'simple')).models;
    const { rows, instances, threads } = profile.recommended;
    assert.deepEqual(
      [model?.config.maxBatchSize, model?.config.instances, model?.config.intraOpThreads],
      [rows, instances, threads],
    );
    const printed = await run(process.execPath, [WORKER, 'profile', 'simple'], { env });
    assert.match(printed.stdout, /recommended for config\.pbtxt/);
    await assert.rejects(run(process.execPath, [WORKER, 'profile', 'nobody'], { env }), /there is no model nobody/);
  } finally {
    await rm(models, { recursive: true });
  }
});
