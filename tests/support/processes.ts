/** The processes of a running system as /proc tells of them: which they are, and the memory they hold. */
import { readFileSync } from 'node:fs';

import { descendants } from '../../bench/processes/tree.ts';
import type { System } from './system.ts';

/** Ids of the gateway and the workers below it, in the order of their ids. */
export function processesOf(system: System, app: 'gateway' | 'worker'): number[] {
  return descendants(system.child.pid ?? 0)
    .filter(({ command }) => command.includes(`apps/${app}/dist/main.js`))
    .map(({ pid }) => pid)
    .toSorted((a, b) => a - b);
}

/** Resident set size. */
export function rssBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return Number(kib) * 1024;
}
