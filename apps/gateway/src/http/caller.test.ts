import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SCOPES, type Scope } from '@batchyard/shared/contract/api-key';
import { Failure } from '@batchyard/shared/contract/failure';
import { PRIORITY_CLASSES, type PriorityClass } from '@batchyard/shared/contract/job';

import { may, permittedClass, type Need } from './caller.ts';

test('a scope lets do what it says, admin reads too, and without keys everybody may do everything', () => {
  const needs: Need[] = ['open', 'any', ...SCOPES];
  const allowed = (...scopes: Scope[]): Need[] =>
    needs.filter((need) => may({ tenant: '-', scopes: new Set(scopes) }, need));
  assert.deepEqual(allowed('infer'), ['open', 'any', 'infer']);
  assert.deepEqual(allowed('read'), ['open', 'any', 'read']);
  assert.deepEqual(allowed('admin'), ['open', 'any', 'read', 'admin']);
  assert.deepEqual(allowed('infer', 'admin'), needs);
  assert.deepEqual(
    needs.filter((need) => may({ tenant: '-' }, need)),
    needs,
  );
});

test('a class that is asked for is the one or refused; one that nobody asked for gives way', () => {
  const given = (...classes: PriorityClass[]) => ({ tenant: '-', classes: new Set(classes) });
  for (const one of PRIORITY_CLASSES) {
    assert.equal(permittedClass({ tenant: '-' }, one, true), one);
    assert.equal(permittedClass(given(one), one, true), one);
    for (const other of PRIORITY_CLASSES.filter((name) => name !== one)) {
      assert.throws(
        () => permittedClass(given(one), other, true),
        (error) => error instanceof Failure && error.code === 'forbidden',
      );
      assert.equal(permittedClass(given(one), other, false), one);
    }
  }
  assert.equal(permittedClass(given('critical', 'low'), 'normal', false), 'low');
  assert.equal(permittedClass(given('critical', 'high'), 'normal', false), 'high');
});
