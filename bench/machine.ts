/** The line that says what the figures were measured on. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';

function packageVersion(name: string): string {
  const file = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

function redisVersion(): string {
  try {
    return /v=([\d.]+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1] ?? 'unknown';
  } catch {
    throw new Error('The benchmarks need redis-server in PATH. Install it, for example: apt-get install redis-server');
  }
}

export function machineLine(): string {
  const cores = cpus();
  const parts = [
    `${cores.length} × ${cores[0]?.model.trim() ?? 'unknown CPU'}`,
    `${Math.round(totalmem() / 1e9)} GB`,
    `Node ${process.version.slice(1)}`,
    `Redis ${redisVersion()}`,
    `onnxruntime-node ${packageVersion('onnxruntime-node')}`,
    `BullMQ ${packageVersion('bullmq')}`,
    `load average at the start ${loadavg()[0]?.toFixed(1)}`,
  ];
  return parts.join(' · ');
}
