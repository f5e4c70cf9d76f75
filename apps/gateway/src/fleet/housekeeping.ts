/**
 * What any gateway does for the whole cluster, idempotently: expiry and retention each second, jobs with lapsed locks
 * every two seconds, and the verdict on workers that have gone silent. After a failed command it holds back for a while:
 * when Redis itself was away, nobody's silence means anything.
 */
type Steps = {
  queues(): Promise<string[]>;
  sweep(queue: string): Promise<unknown>;
  recoverLapsed(queue: string): Promise<number>;
  /** Workers and the ms since their last beat. */
  silences(): { worker: string; silentMs: number }[];
  claimDead(worker: string, silenceMs: number): Promise<string | undefined>;
  releaseWorker(token: string): Promise<number>;
  report(event: string, detail: Record<string, unknown>): void;
};

const DEAD_AFTER_MS = 10_000;
const DISTRUST_MS = 5_000;

export type Housekeeping = { run(nowMs: number): Promise<void> };

export function createHousekeeping(steps: Steps): Housekeeping {
  let turn = 0;
  let trustFromMs = 0;

  async function recover(queues: readonly string[]): Promise<void> {
    for (const queue of queues) {
      const jobs = await steps.recoverLapsed(queue);
      if (jobs > 0) steps.report('jobs with lapsed locks wait again', { queue, jobs });
    }
    for (const { worker, silentMs } of steps.silences()) {
      if (silentMs <= DEAD_AFTER_MS) continue;
      const token = await steps.claimDead(worker, DEAD_AFTER_MS);
      if (token === undefined) continue;
      steps.report('a silent worker is dead', { worker, jobs: await steps.releaseWorker(token) });
    }
  }

  return {
    async run(nowMs) {
      turn += 1;
      try {
        const queues = await steps.queues();
        for (const queue of queues) await steps.sweep(queue);
        if (turn % 2 === 0 && nowMs >= trustFromMs) await recover(queues);
      } catch {
        trustFromMs = nowMs + DISTRUST_MS;
      }
    },
  };
}
