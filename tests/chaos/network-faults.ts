/** Faults between the processes and Redis, and of clients. */
import { setTimeout as lasting } from 'node:timers/promises';

import { nextSeed } from './load.ts';
import type { Disturbance, Fault } from './scenario.ts';

const RECOVERY_MS = 5_000;

async function latency({ world }: Disturbance): Promise<void> {
  world.proxy.setLatency(50);
  try {
    await lasting(3_000);
  } finally {
    world.proxy.setLatency(0);
  }
}

async function blackHole({ world }: Disturbance): Promise<void> {
  world.proxy.blackHole(true);
  try {
    await lasting(2_000);
  } finally {
    world.proxy.blackHole(false);
  }
}

async function resetStorm({ world, random }: Disturbance): Promise<number> {
  const resets = 20;
  for (let i = 0; i < resets; i += 1) {
    world.proxy.resetAll();
    await lasting(random.between(20, 150));
  }
  return resets;
}

async function halfOpen({ world }: Disturbance): Promise<void> {
  world.proxy.halfOpen();
}

/** Clients that hang up, most of them while their job waits or runs. */
async function abortStorm({ recorder, random }: Disturbance): Promise<void> {
  async function client(): Promise<void> {
    for (let i = 0; i < 25; i += 1) {
      const controller = new AbortController();
      const asked = recorder.infer('slow', nextSeed(), { signal: controller.signal });
      await lasting(random.between(0, 30));
      controller.abort();
      await asked;
    }
  }
  await Promise.all(Array.from({ length: 12 }, client));
}

/** As many low jobs as the gateway takes, and now and then a critical request that must not feel it. */
async function lowFlood({ recorder, random }: Disturbance): Promise<void> {
  const until = Date.now() + 3_000;
  async function flood(): Promise<void> {
    while (Date.now() < until) await recorder.submit('slow', nextSeed(), { priority: 'low' });
  }
  async function trickle(): Promise<void> {
    while (Date.now() < until) {
      await recorder.infer('slow', nextSeed(), { priority: 'critical', timeoutMs: 2_000, mustSucceed: true });
      await lasting(random.between(10, 60));
    }
  }
  await Promise.all([...Array.from({ length: 24 }, flood), trickle()]);
}

const base = { excuses: true, recoversWithinMs: RECOVERY_MS } as const;

export const NETWORK_FAULTS: readonly Fault[] = [
  { name: 'latency of 50 ms', run: latency, ...base, excuses: false },
  { name: 'black hole for 2 s', run: blackHole, ...base, lastsMs: 2_000 },
  { name: 'reset storm', run: resetStorm, ...base },
  { name: 'half-open connections', run: halfOpen, ...base },
  { name: 'clients hang up', run: abortStorm, ...base, excuses: false },
  { name: 'flood of low jobs', run: lowFlood, ...base, recoversWithinMs: 10_000, lastsMs: 3_000 },
];
