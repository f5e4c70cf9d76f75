/** Single requests at a low, even rate: how the system feels to somebody who asks for little. */
import { createClient } from '@batchyard/loadtest/send/client';
import { createBytes, type RequestSpec } from './requests.ts';

export type ProbeRun = {
  readonly port: number;
  readonly spec: RequestSpec;
  readonly rate: number;
  readonly limitMs: number;
  /** Ends as soon as so many in a row were answered within so many ms. */
  readonly until?: { readonly inARow: number; readonly withinMs: number };
};
/** `at`: when it was due, ms from the first; `ms`: Infinity where it was not answered with 200. */
export type Probe = { readonly at: number; readonly ms: number };

const MAX_CONNECTIONS = 512;
const ANSWER_LIMIT_MS = 5_000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Time from the first probe to the first of so many that came back in time one after another; Infinity where there are
 * none. An answer that came late has held up a user however fast later ones were.
 */
export function timeToNormal(probes: readonly Probe[], inARow: number, withinMs: number): number {
  let row = 0;
  for (const [i, { ms }] of probes.entries()) {
    row = ms <= withinMs ? row + 1 : 0;
    if (row === inARow) return probes[i - inARow + 1]?.at ?? Number.POSITIVE_INFINITY;
  }
  return Number.POSITIVE_INFINITY;
}

/** @returns the probes that came to an end, in the order in which they were due */
export async function runProbe({ port, spec, rate, limitMs, until }: ProbeRun): Promise<Probe[]> {
  const ended: Probe[] = [];
  const startAt = performance.now();
  // Far from the stamps that a load beside it sends.
  let stamp = 900_000;
  const nextStamp = (): number => (stamp += 1);
  const bytesOf = createBytes({ specs: [spec], repeatEvery: 0 }, nextStamp);
  const parts = { address: { host: '127.0.0.1', port }, maxConnections: MAX_CONNECTIONS, bytesOf };
  const client = createClient(parts, ({ dueAt, ms, status }) =>
    ended.push({ at: dueAt - startAt, ms: status === 200 ? ms : Number.POSITIVE_INFINITY }),
  );
  const inOrder = (): Probe[] => ended.toSorted((a, b) => a.at - b.at);
  const isOver = (): boolean =>
    until !== undefined && client.open() <= 1 && Number.isFinite(timeToNormal(inOrder(), until.inARow, until.withinMs));
  for (let i = 0; (1000 * i) / rate < limitMs && !isOver(); i += 1) {
    const dueAt = startAt + (1000 * i) / rate;
    await sleep(Math.max(0, dueAt - performance.now()));
    client.request(dueAt);
  }
  const giveUpAt = performance.now() + ANSWER_LIMIT_MS;
  while (client.open() > 0 && performance.now() < giveUpAt) await sleep(2);
  client.close();
  return inOrder();
}
