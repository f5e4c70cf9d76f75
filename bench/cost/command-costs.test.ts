import assert from 'node:assert/strict';
import { test } from 'node:test';

import { commandsPerJob, parseCommandCosts, slowerBy, sumOf } from './command-costs.ts';

const INFO = `# Commandstats
cmdstat_evalsha:calls=10,usec=9000,usec_per_call=900.00,rejected_calls=0,failed_calls=0
cmdstat_hset:calls=200,usec=400,usec_per_call=2.00,rejected_calls=0,failed_calls=0
cmdstat_config|set:calls=1,usec=30,usec_per_call=30.00,rejected_calls=0,failed_calls=0
`;

test('commands are read with what they took, and scripts are left out', () => {
  const costs = parseCommandCosts(INFO);
  assert.deepEqual([...costs.keys()], ['hset', 'config|set']);
  assert.deepEqual(costs.get('hset'), { calls: 200, us: 400 });
});

test('a job has the difference of two readings, also of what came up in between', () => {
  const after = new Map([
    ['hset', { calls: 300, us: 700 }],
    ['del', { calls: 100, us: 50 }],
  ]);
  const each = commandsPerJob(parseCommandCosts(INFO), after, 100);
  assert.deepEqual(each.get('hset'), { calls: 1, us: 3 });
  assert.deepEqual(each.get('del'), { calls: 1, us: 0.5 });
  assert.deepEqual([sumOf(each, 'calls'), sumOf(each, 'us')], [2, 3.5]);
});

test('slower is what the same commands take more, not that there are more of them', () => {
  const first = new Map([['hset', { calls: 2, us: 4 }]]);
  assert.equal(slowerBy(first, new Map([['hset', { calls: 2, us: 6 }]])), 2);
  assert.equal(slowerBy(first, new Map([['hset', { calls: 6, us: 12 }]])), 0);
  assert.equal(slowerBy(first, new Map([['zscan', { calls: 1, us: 50 }]])), 0);
});
