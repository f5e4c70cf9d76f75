import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Failure } from '@batchyard/shared/contract/failure';

import { changedLevel, logSettings } from './log-settings.ts';

test('every level has settings of its own, and comes back from them', () => {
  for (const level of ['silent', 'error', 'warn', 'info', 'debug', 'trace'])
    assert.equal(changedLevel('info', logSettings(level)), level);
  assert.deepEqual(logSettings('warn'), {
    log_file: '',
    log_info: false,
    log_warning: true,
    log_error: true,
    log_verbose_level: 0,
    log_format: 'default',
  });
});

test('what is not given stays, or follows what is', () => {
  assert.equal(changedLevel('info', { log_verbose_level: 1 }), 'debug');
  assert.equal(changedLevel('debug', { log_verbose_level: 0 }), 'info');
  assert.equal(changedLevel('warn', { log_info: true }), 'info');
  assert.equal(changedLevel('info', { log_info: false }), 'warn');
  assert.equal(changedLevel('info', {}), 'info');
  assert.equal(changedLevel('warn', { log_verbose_level: 1 }), 'debug');
  assert.equal(changedLevel('warn', { log_verbose_level: 0 }), 'warn');
  assert.equal(changedLevel('trace', { log_warning: false }), 'error');
  assert.equal(changedLevel('silent', { log_warning: true, log_info: false }), 'warn');
});

test('what is not obeyed is refused', () => {
  for (const [level, body] of [
    ['info', { log_warning: false, log_info: true }],
    ['warn', { log_verbose_level: 1, log_error: false }],
    ['info', { log_file: 'out.log' }],
    ['info', { log_format: 'ISO8601' }],
    ['info', { log_verbose_level: 3 }],
    ['info', { log_verbose_level: -1 }],
    ['info', { log_info: 'true' }],
    ['info', { log_colour: true }],
    ['info', null],
    ['info', []],
  ] as const)
    assert.throws(
      () => changedLevel(level, body),
      (error) => error instanceof Failure && error.code === 'bad_request' && error.message.startsWith('log settings: '),
    );
});
