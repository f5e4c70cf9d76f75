/** Settings of Triton's extensions on a running gateway: what is set is obeyed, and what would not be is refused. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { makeTestModels } from '../../models/make-test-models.ts';
import { oneRow } from '../support/jobs.ts';
import { post } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

let models: string;
let system: System;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-settings-'));
  await makeTestModels(models, ['poison', 'simple']);
  system = await startSystem({ BATCHYARD_MODELS: models, LOG_LEVEL: 'error' });
});
after(async () => {
  await system.stop();
  await rm(models, { recursive: true, force: true });
});

/** @returns the status and the body */
async function ask(path: string, body?: unknown): Promise<[number, unknown]> {
  const answer = await (body === undefined ? fetch(system.url + path) : post(system.url + path, body));
  assert.equal(answer.headers.get('content-type'), 'application/json');
  return [answer.status, await answer.json()];
}
const unset = { log_file: '', log_format: 'default', log_verbose_level: 0 };

test('the level of the log is told, changed, and obeyed', async () => {
  const errors = { ...unset, log_error: true, log_warning: false, log_info: false };
  assert.deepEqual(await ask('/v2/logging'), [200, errors]);
  /** A request that fails for another reason than its own content is told where debug is asked for. */
  const lines = async (): Promise<number> => {
    const answer = await post(`${system.url}/v2/models/poison/infer`, oneRow('CODE', 'INT32', [5_000]));
    assert.equal(answer.status, 500);
    await answer.arrayBuffer();
    return system.output().split('"code":"model_error"').length - 1;
  };
  assert.equal(await lines(), 0);
  const verbose = { log_warning: true, log_info: true, log_verbose_level: 1 };
  assert.deepEqual(await ask('/v2/logging', verbose), [200, { ...errors, ...verbose }]);
  await until('the failure is told', async () => ((await lines()) > 0 ? true : undefined));
  assert.deepEqual(await ask('/v2/logging', { ...verbose, log_info: false }), [
    400,
    { error: 'log settings: of log_error, log_warning, log_info, log_verbose_level each one needs those before it' },
  ]);
  assert.deepEqual((await ask('/v2/logging'))[1], { ...errors, ...verbose });
  const quiet = { log_error: false, log_warning: false, log_info: false, log_verbose_level: 0 };
  assert.deepEqual(await ask('/v2/logging', quiet), [200, { ...unset, ...quiet }]);
  const told = await lines();
  assert.equal(await lines(), told);
});

test('what would not be obeyed is refused', async () => {
  for (const body of [{ log_file: 'x' }, { log_format: 'ISO8601' }, { log_verbose_level: 9 }, { unknown: 1 }, [], null])
    assert.equal((await ask('/v2/logging', body))[0], 400, JSON.stringify(body));
  for (const path of ['/v2/trace/setting', '/v2/models/simple/trace/setting']) {
    const off = [200, { trace_level: ['OFF'] }];
    assert.deepEqual(await ask(path), off);
    for (const body of [{}, { trace_level: ['OFF'] }, { trace_level: null }])
      assert.deepEqual(await ask(path, body), off);
    for (const body of [{ trace_level: ['TIMESTAMPS'] }, { trace_rate: '1' }, { trace_file: 'x' }])
      assert.equal((await ask(path, body))[0], 400, JSON.stringify(body));
  }
  assert.equal((await ask('/v2/models/nobody/trace/setting'))[0], 404);
});

test('there is no shared memory, and clients are told so', async () => {
  for (const kind of ['system', 'cuda']) {
    const base = `/v2/${kind}sharedmemory`;
    assert.deepEqual(await ask(`${base}/status`), [200, []]);
    assert.deepEqual(await ask(`${base}/region/a%20b/status`), [
      404,
      { error: `Unable to find ${kind} shared memory region: 'a b'` },
    ]);
    assert.equal((await ask(`${base}/unregister`, {}))[0], 200);
    assert.equal((await ask(`${base}/region/x/unregister`, {}))[0], 200);
    const refused = [400, { error: `${kind} shared memory is not supported` }];
    assert.deepEqual(await ask(`${base}/region/x/register`, { key: '/x', offset: 0, byte_size: 8 }), refused);
    assert.equal((await fetch(`${system.url}${base}/region/x/register`)).status, 405);
    assert.equal((await fetch(`${system.url}${base}/region/%zz/status`)).status, 404);
    assert.equal((await fetch(`${system.url}${base}/status`, { method: 'DELETE' })).status, 405);
  }
});
