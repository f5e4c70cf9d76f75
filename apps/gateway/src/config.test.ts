import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { readConfig, refuseOpenListeners, tlsFiles, unknownSettings } from './config.ts';

test('defaults listen on the loopback interface', () => {
  const { HOST, PORT, OPS_HOST, OPS_PORT } = readConfig({});
  assert.deepEqual([HOST, PORT, OPS_HOST, OPS_PORT], ['127.0.0.1', 8000, '127.0.0.1', 8002]);
});

const start = (env: NodeJS.ProcessEnv, hasKeys = false): void => refuseOpenListeners(readConfig(env), hasKeys);

test('an open listener without keys is refused unless it is asked for', () => {
  for (const HOST of ['0.0.0.0', '::', '192.168.1.5', 'example.com', '127.0.0.1.example.com', ''])
    assert.throws(() => start({ HOST }), /refusing to listen on/, HOST);
  for (const HOST of ['127.0.0.1', '127.8.9.1', '::1', 'localhost']) start({ HOST });
  start({ HOST: '0.0.0.0', BATCHYARD_INSECURE_NO_AUTH: '1' });
  start({ HOST: '0.0.0.0', OPS_HOST: '0.0.0.0' }, true);
});

test('certificate and key are given together', () => {
  assert.equal(tlsFiles(readConfig({}), 'BATCHYARD'), undefined);
  const env = { BATCHYARD_OPS_TLS_CERT_FILE: 'cert.pem' };
  assert.throws(() => readConfig(env), /BATCHYARD_OPS_TLS_KEY_FILE are given together/);
  const both = readConfig({ ...env, BATCHYARD_OPS_TLS_KEY_FILE: 'key.pem' });
  assert.deepEqual(tlsFiles(both, 'BATCHYARD_OPS'), { certFile: 'cert.pem', keyFile: 'key.pem' });
});

test('a wrong value names its setting', () => {
  assert.throws(() => readConfig({ PORT: 'eighty' }), /^Error: PORT is wrong/);
});

test('an unknown setting is told with the nearest name', () => {
  assert.deepEqual(unknownSettings({ BATCHYARD_WORKER: '2', HOME: '/', BATCHYARD_DATA: 'x' }), [
    'BATCHYARD_WORKER is not a setting; the nearest one is BATCHYARD_WORKERS',
  ]);
});

test('the operations port may be open with a token, which a file may hold', () => {
  const token = 'a-token-of-16-or-more';
  assert.throws(() => start({ OPS_HOST: '0.0.0.0' }), /refusing to listen on 0\.0\.0\.0 without keys or BATCHYARD_OPS/);
  start({ OPS_HOST: '0.0.0.0', BATCHYARD_OPS_TOKEN: token });
  assert.throws(() => start({ HOST: '0.0.0.0', BATCHYARD_OPS_TOKEN: token }), /refusing to listen/);
  assert.throws(() => readConfig({ BATCHYARD_OPS_TOKEN: 'short' }), /BATCHYARD_OPS_TOKEN is wrong/);
  const folder = mkdtempSync(join(tmpdir(), 'batchyard-config-'));
  const file = join(folder, 'token');
  writeFileSync(file, `${token}\n`);
  assert.equal(readConfig({ BATCHYARD_OPS_TOKEN_FILE: file }).BATCHYARD_OPS_TOKEN, token);
  assert.throws(() => readConfig({ BATCHYARD_OPS_TOKEN_FILE: join(folder, 'none') }), /TOKEN_FILE cannot be read/);
  rmSync(folder, { recursive: true });
});
