import assert from 'node:assert/strict';
import { test } from 'node:test';

import { readConfig, unknownSettings } from './config.ts';

test('defaults listen on the loopback interface', () => {
  const { HOST, PORT, OPS_HOST, OPS_PORT } = readConfig({});
  assert.deepEqual([HOST, PORT, OPS_HOST, OPS_PORT], ['127.0.0.1', 8000, '127.0.0.1', 8002]);
});

test('an open listener without keys is refused unless it is asked for', () => {
  assert.throws(() => readConfig({ HOST: '0.0.0.0' }), /refusing to listen on 0\.0\.0\.0/);
  assert.equal(readConfig({ HOST: '0.0.0.0', BATCHYARD_INSECURE_NO_AUTH: '1' }).HOST, '0.0.0.0');
});

test('a wrong value names its setting', () => {
  assert.throws(() => readConfig({ PORT: 'eighty' }), /^Error: PORT is wrong/);
});

test('an unknown setting is told with the nearest name', () => {
  assert.deepEqual(unknownSettings({ BATCHYARD_WORKER: '2', HOME: '/', BATCHYARD_DATA: 'x' }), [
    'BATCHYARD_WORKER is not a setting; the nearest one is BATCHYARD_WORKERS',
  ]);
});
