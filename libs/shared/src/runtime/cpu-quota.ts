/** CPUs this process may use: what the machine has, cut by the quota of its control group (v2 or v1). */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';

/** `cpu.max` of cgroup v2: "quota period" in µs, or "max period". */
export function parseCpuMax(text: string): number | undefined {
  const [quota, period] = text.trim().split(/\s+/);
  const cpus = Number(quota) / Number(period);
  return quota !== 'max' && Number.isFinite(cpus) && cpus > 0 ? cpus : undefined;
}

/** cgroup v1: quota and period in files of their own; a quota of −1 is none. */
export function parseCfsQuota(quota: string, period: string): number | undefined {
  const cpus = Number(quota) / Number(period);
  return Number(quota) > 0 && Number.isFinite(cpus) ? cpus : undefined;
}

export async function availableCpus(): Promise<number> {
  const read = (path: string): Promise<string> => readFile(`/sys/fs/cgroup/${path}`, 'utf8').catch(() => '');
  const quota =
    parseCpuMax(await read('cpu.max')) ??
    parseCfsQuota(await read('cpu/cpu.cfs_quota_us'), await read('cpu/cpu.cfs_period_us'));
  return Math.max(1, Math.min(availableParallelism(), Math.floor(quota ?? Number.POSITIVE_INFINITY)));
}
