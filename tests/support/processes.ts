/** The processes of a running system as /proc tells of them: which they are, and the memory they hold. */
import { readdirSync, readFileSync } from 'node:fs';

import { descendants } from '../../bench/processes/tree.ts';
import type { System } from './system.ts';

/** Ids of the gateway and the workers below it, in the order of their ids. */
export function processesOf(system: System, app: 'gateway' | 'worker'): number[] {
  return descendants(system.child.pid ?? 0)
    .filter(({ command }) => command.includes(`apps/${app}/dist/main.js`))
    .map(({ pid }) => pid)
    .toSorted((a, b) => a - b);
}

/** Of every thread, as Linux tells it. */
export const niceOf = (pid: number): number[] =>
  readdirSync(`/proc/${pid}/task`).map((thread) => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
  });

/** Resident set size. */
export function rssBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return Number(kib) * 1024;
}
