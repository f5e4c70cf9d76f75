import assert from 'node:assert/strict';
import { test } from 'node:test';

import { readMixed, readNumber, readNumbers, readRamp, readShape, readShare } from './read-flags.ts';

const RANGE = { least: 1, most: 100 };

test('numbers, lists, shares, ramps and shapes are read, and what is none names its flag', () => {
  assert.equal(readNumber('--rate', '12.5', RANGE), 12.5);
  assert.throws(() => readNumber('--rate', '0', RANGE), /--rate is "0": give a number from 1 to 100/);
  assert.throws(() => readNumber('--rate', '', RANGE), /--rate/);
  assert.throws(() => readNumber('--n', '1.5', { ...RANGE, whole: true }), /whole number/);
  assert.deepEqual(readNumbers('--sweep', '1,2,30', RANGE), [1, 2, 30]);
  assert.throws(() => readNumbers('--sweep', '1,,3', RANGE), /--sweep is ""/);
  assert.equal(readShare('--repeats', '20%'), 0.2);
  assert.equal(readShare('--repeats', '0.5'), 0.5);
  assert.throws(() => readShare('--repeats', '120%'), /give a share/);
  assert.deepEqual(readRamp('10:90', RANGE), [10, 90]);
  assert.throws(() => readRamp('10', RANGE), /FROM:TO/);
  assert.deepEqual(readShape('IMAGE=1x3x64x64'), ['IMAGE', [1, 3, 64, 64]]);
  assert.throws(() => readShape('IMAGE'), /INPUT=1x3x64x64/);
});

test('a kind of request is a model with its version, class and weight', () => {
  assert.deepEqual(readMixed('simple@2/high=3'), {
    model: 'simple',
    version: '2',
    priority: 'high',
    weight: 3,
    name: 'simple@2/high',
  });
  assert.deepEqual(readMixed('simple').priority, 'normal');
  assert.throws(() => readMixed('simple/urgent'), /classes are critical, high, normal, low/);
});
