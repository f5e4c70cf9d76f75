/** The line that says what the figures were measured on. */
import { readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';

function packageVersion(name: string): string {
  const file = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

export function machineLine(redisVersion: string): string {
  const cores = cpus();
  const parts = [
    `${cores.length} × ${cores[0]?.model.trim() ?? 'unknown CPU'}`,
    `${Math.round(totalmem() / 1e9)} GB`,
    `Node ${process.version.slice(1)}`,
    `Redis ${redisVersion}`,
    `onnxruntime-node ${packageVersion('onnxruntime-node')}`,
    `BullMQ ${packageVersion('bullmq')}`,
    `load average at the start ${loadavg()[0]?.toFixed(1)}`,
  ];
  return parts.join(' · ');
}
