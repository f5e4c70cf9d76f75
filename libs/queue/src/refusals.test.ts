import assert from 'node:assert/strict';
import { test } from 'node:test';

import { hadNoEffect, wasRefused } from './refusals.ts';

const reply = (message: string): Error => Object.assign(new Error(message), { name: 'ReplyError' });

test('what Redis refuses before it begins had no effect, also where an older version wraps the code', () => {
  for (const message of [
    "READONLY You can't write against a read only replica.",
    "OOM command not allowed when used memory > 'maxmemory'. script: f00, on @user_script:1.",
    'LOADING Redis is loading the dataset in memory',
    'MISCONF Redis is configured to save RDB snapshots',
    'NOREPLICAS Not enough good replicas to write.',
    'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
    'ERR Error running script (call to f_00): @user_script:34: -OOM command not allowed',
  ])
    assert.ok(hadNoEffect(reply(message)), message);
});

test('a command that was never sent had no effect', () => {
  assert.ok(hadNoEffect(new Error("Stream isn't writeable and enableOfflineQueue options is false")));
});

test('of a lost answer, and of a script that broke half-way, nothing is known', () => {
  for (const error of [
    new Error('Command timed out'),
    new Error('Connection is closed.'),
    new Error('OOM'),
    reply('WRONGTYPE Operation against a key holding the wrong kind of value'),
    'READONLY',
  ])
    assert.equal(hadNoEffect(error), false);
});

test('a refusal is an answer of a Redis that is there, which one that loads is not yet', () => {
  assert.ok(wasRefused(reply('READONLY no')));
  for (const error of [reply('LOADING wait'), new Error('Command timed out'), new Error('Connection is closed.')])
    assert.equal(wasRefused(error), false);
});
