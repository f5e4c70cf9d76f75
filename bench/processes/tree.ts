/** Processes as Linux' /proc tells of them: who descends from whom, CPU time used, memory held. */
import { readdirSync, readFileSync } from 'node:fs';

export type ProcessLine = { readonly pid: number; readonly parent: number; readonly command: string };

/** Clock ticks a second of /proc times: 100 on every Linux that Node runs on. */
const TICKS = 100;

/** Fields of /proc/<pid>/stat from the third on; the second, the name in brackets, may contain spaces. */
function statFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

function processLine(pid: number): ProcessLine | undefined {
  const fields = statFields(pid);
  if (!fields) return undefined;
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { pid, parent: Number(fields[1]), command };
  } catch {
    return undefined;
  }
}

/** Everything below `pid`, without itself. */
export function descendants(pid: number): ProcessLine[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => processLine(Number(name)))
    .filter((line) => line !== undefined);
  const below = (parent: number): ProcessLine[] =>
    all.flatMap((line) => (line.parent === parent ? [line, ...below(line.pid)] : []));
  return below(pid);
}

/** CPU seconds (user and system, all threads) that these processes have used so far. */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const fields = statFields(pid);
    ticks += Number(fields?.[11] ?? 0) + Number(fields?.[12] ?? 0);
  }
  return ticks / TICKS;
}

/** CPU seconds that everything on the machine has used so far: all but idle and waiting for disks. NaN when it cannot be read. */
export function machineCpuSeconds(): number {
  try {
    const ticks = readFileSync('/proc/stat', 'latin1').split('\n')[0]?.trim().split(/\s+/).slice(1).map(Number) ?? [];
    const [user = Number.NaN, nice = 0, system = 0, , , interrupts = 0, soft = 0, stolen = 0] = ticks;
    return (user + nice + system + interrupts + soft + stolen) / TICKS;
  } catch {
    return Number.NaN;
  }
}

/** What /proc says under this name of a process' memory, in MB (10^6 bytes). NaN when it cannot be read. */
function memoryField(pid: number, file: 'smaps_rollup' | 'status', name: string): number {
  try {
    const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/${file}`, 'latin1'))?.[1];
    return (Number(kib) * 1024) / 1e6;
  } catch {
    return Number.NaN;
  }
}

/** Proportional set size in MB: pages shared by n processes count 1/n for each. */
export const pssMb = (pid: number): number => memoryField(pid, 'smaps_rollup', 'Pss');

/** Resident set size in MB: shared pages count in full. */
export const rssMb = (pid: number): number => memoryField(pid, 'status', 'VmRSS');
