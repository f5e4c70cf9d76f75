/**
 * Open loop of several classes: requests arrive by chance at fixed mean rates whether or not earlier ones were answered.
 * What a tick of the timer finds due is sent at once and charged from when it was due, so that the generator does not
 * spin and its lateness counts against the system rather than for it.
 */
import { createHistogram } from 'node:perf_hooks';

import { createRandom } from '@batchyard/loadtest/plan/random';
import { createArrivals } from '@batchyard/loadtest/plan/arrivals';
import { createClassTally, percentiles, recordMs, type ClassResult, type Percentiles } from './class-tally.ts';
import { createClient, type Client } from '@batchyard/loadtest/send/client';
import { createBytes, type RequestSpec } from './requests.ts';

export type OfferedClass = {
  readonly name: string;
  /** Requests a second. */
  readonly rate: number;
  readonly timeoutMs: number;
  readonly spec: RequestSpec;
  /** Of so many requests of a connection one is sent as it was before; 0 = none. */
  readonly repeatEvery?: number;
};
export type MixedLoad = {
  readonly port: number;
  readonly seconds: number;
  readonly seed: number;
  readonly classes: readonly OfferedClass[];
};
export type MixedResult = {
  readonly classes: readonly ClassResult[];
  /** Refusals of all classes. */
  readonly refusals: Percentiles;
  /** How late requests were sent. */
  readonly sendDelay: Percentiles;
  readonly generatorCpuS: number;
};

/** Each class has connections of its own, so that requests never wait for one that a less urgent class holds. */
const MAX_CONNECTIONS = 2_000;
const TICK_MS = 1;
/** A request without an answer so long after its deadline is given up. */
const GRACE_MS = 1_000;
const CONNECT_MS = 50;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let stamp = 0;
const nextStamp = (): number => (stamp += 1);

/** Resolves when every request has come to an end. */
export async function runMixedLoad({ port, seconds, seed, classes }: MixedLoad): Promise<MixedResult> {
  const cpu = process.cpuUsage();
  const startAt = performance.now() + CONNECT_MS;
  const endAt = startAt + 1000 * seconds;
  const tallies = classes.map((each) => createClassTally(each, endAt));
  const clients = classes.map(({ spec, repeatEvery = 0 }, i): Client => {
    const bytesOf = createBytes({ specs: [spec], repeatEvery }, nextStamp);
    const parts = { address: { host: '127.0.0.1', port }, maxConnections: MAX_CONNECTIONS, bytesOf };
    return createClient(parts, (outcome) => tallies[i]?.add(outcome));
  });
  const next = createArrivals(
    classes.map(({ rate }) => rate),
    createRandom(seed),
  );
  const delay = createHistogram();
  await sleep(CONNECT_MS);
  for (let arrival = next(); startAt + arrival.atMs < endAt;) {
    const now = performance.now();
    for (; startAt + arrival.atMs <= Math.min(now, endAt); arrival = next()) {
      const dueAt = startAt + arrival.atMs;
      tallies[arrival.index]?.offer();
      clients[arrival.index]?.request(dueAt);
      recordMs(delay, now - dueAt);
    }
    await sleep(TICK_MS);
  }
  const giveUpAt = endAt + Math.max(...classes.map(({ timeoutMs }) => timeoutMs)) + GRACE_MS;
  while (clients.some((client) => client.open() > 0) && performance.now() < giveUpAt) await sleep(5);
  for (const client of clients) client.close();
  const refusals = createHistogram();
  for (const tally of tallies) refusals.add(tally.refusals);
  const { user, system } = process.cpuUsage(cpu);
  return {
    classes: tallies.map((tally) => tally.result()),
    refusals: percentiles(refusals),
    sendDelay: percentiles(delay),
    generatorCpuS: (user + system) / 1e6,
  };
}
