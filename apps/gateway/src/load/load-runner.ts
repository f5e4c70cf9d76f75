/**
 * Load tests that are started from the operations port: one at a time in the cluster, each in a process of its own, so that
 * what measures is not in the event loop that is measured. Bounded in rate, time and number; the last ones are kept.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';

import type { LoadNews, ToLoadChild } from '@batchyard/loadtest/child-message';
import type { LoadTests } from '@batchyard/queue/load-tests';
import { Failure } from '@batchyard/shared/contract/failure';
import type { LoadAsk, LoadRun } from '@batchyard/shared/contract/load-test';

const CLAIM_MS = 15_000;
const RENEW_MS = 5_000;
/** A process that has not ended so long after its time is ended. */
const GRACE_MS = 45_000;
const STOP_LIMIT_MS = 10_000;

export type LoadRunner = {
  /** @throws Failure conflict while one runs, queue_unavailable */
  start(ask: LoadAsk): Promise<LoadRun>;
  /** It ends within a moment, with what it has found. @throws Failure not_found */
  stop(id: string): LoadRun;
  /** What runs here, and the last ones of the cluster. */
  list(): Promise<{ readonly running: LoadRun | null; readonly runs: readonly LoadRun[] }>;
  running(): LoadRun | undefined;
  /** Hears what runs here whenever there is news of it, and once more when it has ended. */
  subscribe(listener: (run: LoadRun) => void): () => void;
  close(): void;
};

type Parts = {
  readonly store: LoadTests;
  /** Of the public listener. */
  readonly url: () => string;
  readonly report: (detail: object, sentence: string) => void;
};

type Current = { run: LoadRun; readonly child: ChildProcess; readonly timers: NodeJS.Timeout[] };

const send = (child: ChildProcess, message: ToLoadChild): void => void (child.connected && child.send(message));

function startProcess(): ChildProcess {
  const file = fileURLToPath(import.meta.resolve('@batchyard/loadtest/child'));
  // Nothing of the gateway's environment: it holds secrets, and the test needs none of them.
  return fork(file, [], { execArgv: [], env: {}, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

const beginning = (id: string, { model, priority, rate, clients, seconds }: LoadAsk): LoadRun => ({
  id,
  state: 'running',
  started_at: new Date().toISOString(),
  asked: { model, priority, rate: rate ?? null, clients: clients ?? null, seconds },
  error: null,
  steps: [],
  knee: null,
  notes: [],
  now: null,
});

export function createLoadRunner({ store, url, report }: Parts): LoadRunner {
  const listeners = new Set<(run: LoadRun) => void>();
  let current: Current | undefined;
  let starting = false;
  const tell = (run: LoadRun): void => listeners.forEach((listener) => listener(run));

  /** Once for each, however it ended. */
  async function end(own: Current): Promise<void> {
    if (current !== own) return;
    current = undefined;
    own.timers.forEach((timer) => clearTimeout(timer));
    if (own.run.state === 'running')
      own.run = { ...own.run, state: 'failed', error: 'its process ended before it was done', now: null };
    tell(own.run);
    try {
      await store.keepLoadTest(own.run);
      await store.releaseLoadTest(own.run.id);
    } catch (error) {
      report({ error: String(error) }, 'a load test could not be kept');
    }
  }

  function begin(id: string, ask: LoadAsk): Current {
    const child = startProcess();
    const own: Current = { run: beginning(id, ask), child, timers: [] };
    const kill = (): void => void child.kill('SIGKILL');
    const renew = setInterval(() => void store.renewLoadTest(id, CLAIM_MS).catch(() => undefined), RENEW_MS);
    own.timers.push(renew, setTimeout(kill, 1000 * ask.seconds + GRACE_MS));
    child.on('message', (news: LoadNews) => {
      own.run = { ...own.run, ...news };
      // The last of them is told when the process has gone.
      if (own.run.state === 'running') tell(own.run);
    });
    child.once('error', () => void end(own));
    child.once('exit', () => void end(own));
    send(child, { kind: 'run', url: url(), ask });
    return own;
  }

  return {
    async start(ask) {
      if (current || starting) throw new Failure('conflict', 'a load test runs: stop it, or wait for its end');
      starting = true;
      try {
        const id = randomBytes(6).toString('hex');
        if (!(await store.claimLoadTest(id, CLAIM_MS)))
          throw new Failure('conflict', 'another gateway runs a load test: wait for its end');
        current = begin(id, ask);
        return current.run;
      } finally {
        starting = false;
      }
    },
    stop(id) {
      const own = current;
      if (own?.run.id !== id) throw new Failure('not_found', 'no such load test runs here');
      send(own.child, { kind: 'stop' });
      own.timers.push(setTimeout(() => void own.child.kill('SIGKILL'), STOP_LIMIT_MS));
      return own.run;
    },
    list: async () => ({ running: current?.run ?? null, runs: await store.loadTests() }),
    running: () => current?.run,
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: () => void current?.child.kill('SIGKILL'),
  };
}
