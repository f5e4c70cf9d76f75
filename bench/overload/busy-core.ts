/**
 * What a second core is worth: cores of a virtual machine share caches, memory and often the units of one real core, so a
 * session runs slower while the other one works, however little of its own core is taken away.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { median } from '../statistics.ts';

/** Allocates and forgets, as a server does. */
const BUSY = 'const m = new Map(); for (let i = 0; ; i++) m.set(i % 5000, { i, s: `x${i}` });';
const ROUNDS = 3;

/** @returns the rate beside one process that never rests over the rate alone, by the median of interleaved rounds */
export async function besideBusyCore(rate: () => Promise<number>): Promise<number> {
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const alone = await rate();
    const other = spawn(process.execPath, ['--eval', BUSY], { stdio: 'ignore' });
    const ended = once(other, 'exit');
    try {
      ratios.push((await rate()) / alone);
    } finally {
      other.kill('SIGKILL');
      await ended;
    }
  }
  return median(ratios);
}
