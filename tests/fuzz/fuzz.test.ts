/** A short run of the fuzzer, and that it notices what it is there to notice. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { RawAnswer } from '../support/raw-http.ts';
import { makeCase } from './cases.ts';
import { fuzz } from './fuzz.ts';
import { startFuzzedSystem } from './fuzzed-system.ts';
import { describe, summary, table } from './report.ts';
import { violation } from './verdict.ts';

const REQUESTS = 2_000;

test('a request is the same for the same seed and index, and another for another', () => {
  const text = (seed: number, index: number): string => makeCase(seed, index).bytes.toString('latin1');
  for (let index = 0; index < 200; index += 1) assert.equal(text(7, index), text(7, index));
  const distinct = new Set(Array.from({ length: 200 }, (_, index) => text(7, index)));
  assert.ok(distinct.size > 180, `${distinct.size} distinct requests`);
  assert.notEqual(text(7, 1), text(8, 1));
});

test('an answer is a violation when it is a 5xx that is not explained, or tells of the inside', () => {
  const answer = (status: number, body: string, headers: [string, string][] = []): RawAnswer => ({
    status,
    headers: new Map(headers),
    body: Buffer.from(body),
  });
  const again: [string, string][] = [['retry-after', '1']];
  assert.equal(violation(answer(503, '{"error":"Exceeds maximum queue size"}', again)), undefined);
  assert.equal(violation(answer(504, '{"code":"expired","detail":"Request timeout expired"}')), undefined);
  assert.equal(violation(answer(400, '{"error":"Bad Request"}')), undefined);
  assert.match(violation(answer(503, '{"error":"Exceeds maximum queue size"}')) ?? '', /Retry-After/);
  assert.match(violation(answer(503, '{"error":"something"}', again)) ?? '', /^503/);
  assert.match(violation(answer(503, 'no JSON', again)) ?? '', /^503/);
  assert.match(violation(answer(500, '{"error":"Something is wrong in Batchyard"}')) ?? '', /^500/);
  assert.match(violation(answer(400, '{"error":"at read (/srv/a.js:1:2)"}')) ?? '', /inside/);
});

test(`${REQUESTS} fuzzed requests: no crash, no unexplained 5xx, none hung, good ones right`, async (t) => {
  const { system, stop } = await startFuzzedSystem();
  try {
    const plan = { seed: 20_240_607, from: 0, requests: REQUESTS, connections: 16 };
    const tally = await fuzz(system, plan);
    t.diagnostic(summary(tally, plan));
    for (const line of table(tally).split('\n')) t.diagnostic(line);
    assert.deepEqual(
      tally.violations.map((found) => describe(found, plan.seed)),
      [],
    );
  } finally {
    await stop();
  }
});
