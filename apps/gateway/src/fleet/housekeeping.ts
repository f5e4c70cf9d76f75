/**
 * What any gateway does for the whole cluster, idempotently: expiry and retention each second, jobs with lapsed locks
 * every two seconds, and four times a second the verdict on workers that have gone silent, for which Redis is asked only
 * when one has. After a failed command it holds back: when Redis itself was away, nobody's silence means anything. A
 * command that Redis refused says only that the workers' beats may have been refused too, which takes them a turn to
 * make good.
 */
import { wasRefused } from '@batchyard/queue/refusals';

type Silence = {
  readonly worker: string;
  readonly silentMs: number;
  readonly named: boolean;
  /** Its last word was that it has ended in good order. */
  readonly stopped: boolean;
};
type Steps = {
  queues(): Promise<string[]>;
  sweep(queue: string): Promise<unknown>;
  recoverLapsed(queue: string): Promise<number>;
  /** Workers, the ms since their last beat, and whether their connections carry their name. */
  silences(): Silence[];
  /** Workers with a connection to Redis; undefined where that cannot be asked. */
  connectedWorkers(): Promise<ReadonlySet<string> | undefined>;
  claimDead(worker: string, silenceMs: number): Promise<string | undefined>;
  releaseWorker(token: string): Promise<number>;
  report(event: string, detail: Record<string, unknown>): void;
  /** Of a verdict that this gateway has spoken. */
  ended(worker: string, jobs: number, drained: boolean): void;
};

const DEAD_AFTER_MS = 10_000;
/** Two beats missed by a process without a connection: one that is only slow, or stopped, still has its own. */
const DEAD_UNCONNECTED_AFTER_MS = 2_000;
const DISTRUST_MS = 5_000;
const DISTRUST_REFUSED_MS = 2_000;

/** For how long a worker may be silent before it is dead. */
export function silenceLimitMs(
  { worker, named }: Pick<Silence, 'worker' | 'named'>,
  connected: ReadonlySet<string> | undefined,
): number {
  return named && connected && !connected.has(worker) ? DEAD_UNCONNECTED_AFTER_MS : DEAD_AFTER_MS;
}

/** All of them, though one fails: of a cluster only a part may be away. @throws what the first that failed has thrown */
async function forEach(queues: readonly string[], work: (queue: string) => Promise<unknown>): Promise<void> {
  const failures: unknown[] = [];
  for (const queue of queues) await work(queue).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

export type Housekeeping = {
  /** Once a second. */
  sweep(nowMs: number): Promise<void>;
  /** As often as a death shall be noticed. */
  judge(nowMs: number): Promise<void>;
};

export function createHousekeeping(steps: Steps): Housekeeping {
  let turn = 0;
  let trustFromMs = 0;
  let judging = false;

  async function recover(queues: readonly string[]): Promise<void> {
    await forEach(queues, async (queue) => {
      const jobs = await steps.recoverLapsed(queue);
      if (jobs > 0) steps.report('jobs with lapsed locks wait again', { queue, jobs });
    });
  }

  async function judgeSilent(): Promise<void> {
    const silent = steps.silences().filter(({ silentMs }) => silentMs > DEAD_UNCONNECTED_AFTER_MS);
    if (silent.length === 0) return;
    const connected = silent.some(({ named }) => named) ? await steps.connectedWorkers() : undefined;
    for (const silence of silent) {
      const limitMs = silenceLimitMs(silence, connected);
      if (silence.silentMs <= limitMs) continue;
      const { worker, stopped } = silence;
      const token = await steps.claimDead(worker, limitMs);
      if (token === undefined) continue;
      const jobs = await steps.releaseWorker(token);
      steps.report(stopped ? 'a worker that has drained is gone' : 'a silent worker is dead', { worker, jobs });
      steps.ended(worker, jobs, stopped);
    }
  }

  async function orDistrust(nowMs: number, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      trustFromMs = nowMs + (wasRefused(error) ? DISTRUST_REFUSED_MS : DISTRUST_MS);
    }
  }

  return {
    sweep: (nowMs) =>
      orDistrust(nowMs, async () => {
        turn += 1;
        const queues = await steps.queues();
        await forEach(queues, steps.sweep);
        if (nowMs >= trustFromMs && turn % 2 === 0) await recover(queues);
      }),
    judge: (nowMs) =>
      orDistrust(nowMs, async () => {
        if (judging || nowMs < trustFromMs) return;
        judging = true;
        await judgeSilent().finally(() => (judging = false));
      }),
  };
}
