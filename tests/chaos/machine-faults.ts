/** Faults of the machine that a process runs on: its clock, its files, its descriptors, its memory. */
import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as lasting } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { createInspection } from '@batchyard/queue/inspection';

import { until } from '../support/system.ts';
import { nextSeed } from './load.ts';
import { newWorker } from './process-faults.ts';
import type { Disturbance, Fault } from './scenario.ts';

const run = promisify(execFile);
const SHIFT = fileURLToPath(new URL('shifted-clock.mjs', import.meta.url));
const RECOVERY_MS = 5_000;
const ENOUGH_ROWS = 20;

/** A worker whose clock is wrong by an hour computes all there is: the one whose clock is right takes nothing meanwhile. */
const clock = (hours: number): Fault => ({
  name: `clock of a worker ${hours > 0 ? '+' : '−'} 1 h`,
  world: { workers: 1 },
  async run({ world }) {
    const [right] = await world.serving();
    const child = world.addWorker(['--import', `${SHIFT}?ms=${hours * 3_600_000}`]);
    await world.healthy(2);
    const drain = `${world.system.ops}/v1/workers/${right?.id}/drain`;
    const { status } = await fetch(drain, { method: 'POST' });
    if (status !== 202) throw new Error(`${status}: it should be drained`);
    const queue = createInspection({ commands: world.admin, prefix: '{by0}' });
    await until(
      'it has computed much',
      async () =>
        (await queue.workers()).find(({ heartbeat }) => heartbeat.pid === child.pid && heartbeat.rows >= ENOUGH_ROWS),
      60_000,
    );
    await fetch(drain, { method: 'DELETE' });
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  },
  excuses: false,
  recoversWithinMs: RECOVERY_MS,
});

/** A worker starts again and finds the file of one model in this state; another worker still serves that model. */
const modelFile = (state: string, spoil: (file: string, bytes: Buffer) => Promise<void>): Fault => ({
  name: `model file ${state}`,
  async run({ world, struck }) {
    const file = join(world.models, 'simple', '1', 'model.onnx');
    const bytes = await readFile(file);
    const known = world.workerPids();
    const restart = async (pid: number): Promise<number> => {
      const before = world.workerPids();
      process.kill(pid, 'SIGKILL');
      struck();
      const started = await newWorker(world, before);
      await until('it serves', async () => (await world.serving()).find((worker) => worker.pid === started), 60_000);
      return started;
    };
    let pid = known[0] ?? 0;
    await spoil(file, bytes);
    try {
      pid = await restart(pid);
      const line = (await world.serving()).find((worker) => worker.pid === pid);
      if (line?.models.length === 0 || JSON.stringify(line?.models).includes('simple@1'))
        throw new Error(`it should serve all but one: ${JSON.stringify(line?.models)}`);
    } finally {
      await writeFile(file, bytes);
    }
    await restart(pid);
    return 2;
  },
  excuses: false,
  recoversWithinMs: RECOVERY_MS,
});

function whyNoLimits(): string | undefined {
  try {
    execFileSync('prlimit', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'prlimit is not installed';
  }
}

/** The gateway may open three more files, and sixty clients connect. */
async function noDescriptors({ world }: Disturbance): Promise<void> {
  const pid = await world.gatewayPid();
  const limit = (soft: string): Promise<unknown> => run('prlimit', ['--pid', String(pid), `--nofile=${soft}:`]);
  const { stdout } = await run('prlimit', ['--pid', String(pid), '--nofile', '--noheadings', '--output', 'SOFT']);
  const open = (await readdir(`/proc/${pid}/fd`)).length;
  await limit(String(open + 3));
  const port = Number(new URL(world.system.url).port);
  const sockets = Array.from({ length: 60 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  try {
    await lasting(3_000);
  } finally {
    for (const socket of sockets) socket.destroy();
    await limit(stdout.trim());
  }
}

/** Inputs whose run asks for a terabyte: each fails alone. */
async function askForMuch({ recorder }: Disturbance): Promise<void> {
  const mayFail = { mayFail: 'model_error' };
  await Promise.all(Array.from({ length: 4 }, () => recorder.submit('busy', nextSeed(), mayFail)));
}

const base = { excuses: false, recoversWithinMs: RECOVERY_MS } as const;

export const MACHINE_FAULTS: readonly Fault[] = [
  clock(1),
  clock(-1),
  modelFile('missing', (file) => rm(file)),
  modelFile('corrupted', (file, bytes) => writeFile(file, bytes.subarray(0, bytes.length / 2))),
  { name: 'descriptors of the gateway used up', run: noDescriptors, ...base, excuses: true, skip: whyNoLimits() },
  { name: 'inputs that ask for a terabyte', run: askForMuch, ...base },
];
