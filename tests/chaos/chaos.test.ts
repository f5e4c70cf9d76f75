/**
 * A selection of the faults, one run each: nothing that was accepted is lost, every result is that of its input, no
 * healthy job fails, every exchange ends, and soon after all is as before. `npm run test:chaos` has them all.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { faultNamed } from './faults.ts';
import { seededRandom } from './random.ts';
import { runFault } from './scenario.ts';
import { startWorld, type World } from './world.ts';

const SEED = 1;
const SELECTION = [
  'worker killed',
  'worker stopped for 5 s',
  'gateway killed',
  'Redis killed',
  'every error once on every script',
  'reply of every script lost',
  'reply of takeMany lost',
  'half-open connections',
];

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world.stop());

for (const name of SELECTION) {
  test(`every promise holds: ${name}`, { timeout: 180_000 }, async (t) => {
    const { verdict, inWindow, recoveryMs, stalls } = await runFault(world, faultNamed(name), seededRandom(SEED));
    const { violations, jobs, answered, runAgain } = verdict;
    t.diagnostic(
      `seed ${SEED}: ${jobs} jobs, ${inWindow} of them during the fault, ${answered} requests; ` +
        `${runAgain} ran again; well after ${recoveryMs} ms; ` +
        `the machine stood still ${stalls.length} times`,
    );
    assert.deepEqual(violations, []);
  });
}
