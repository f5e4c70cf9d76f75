/** The autoscaler put together: what it looks at, whom it tells, what a person may ask for, and the metric for others that scale. */
import type { QueueOperations } from '@batchyard/queue/queue';
import { Failure } from '@batchyard/shared/contract/failure';
import { CLASS_SLA_MS, PRIORITY_CLASSES } from '@batchyard/shared/contract/job';
import { modelOfQueue } from '@batchyard/shared/contract/model';
import type { Metrics } from '@batchyard/shared/runtime/metrics';

import type { ClassCounts } from './admission/backlog.ts';
import { predictWait } from './admission/predict-wait.ts';
import { createBestRates } from './balancer/best-rates.ts';
import { createAutoscaler, shareWorkers, workersFor, type ScaleFacts } from './balancer/decide-scale.ts';
import { createDemand } from './balancer/demand.ts';
import type { FleetView } from './fleet/fleet-view.ts';
import type { ScaleDesk } from './http/scale-routes.ts';
import { askRedis } from './queue/ask-redis.ts';

type Parts = {
  readonly queue: Pick<
    QueueOperations,
    'counts' | 'supervisors' | 'wishWorkers' | 'drainWorker' | 'undrainWorker' | 'events'
  >;
  readonly fleet: FleetView;
  readonly holds: () => boolean;
  readonly metrics: Metrics;
  readonly report: (detail: Record<string, unknown>, event: string) => void;
};

export type OpenScaling = ScaleDesk & {
  /** Once a second. */
  turn(nowMs: number): Promise<void>;
  /** Before the metrics are read. */
  collect(): Promise<void>;
};

const NO_ARRIVALS: ClassCounts = [0, 0, 0, 0];
const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

/** What a person asks for. */
function createDesk({ queue, fleet, report }: Pick<Parts, 'queue' | 'fleet' | 'report'>): ScaleDesk {
  function heardOf(worker: string): void {
    if (fleet.workers().some(({ heartbeat }) => heartbeat.id === worker)) return;
    throw new Failure('not_found', `there is no worker '${worker.slice(0, 128)}'`);
  }
  const [supervisors, wishWorkers] = [askRedis(queue.supervisors), askRedis(queue.wishWorkers)];
  const [drainWorker, undrainWorker] = [askRedis(queue.drainWorker), askRedis(queue.undrainWorker)];
  return {
    async drain(worker, exit) {
      heardOf(worker);
      await drainWorker(worker, { exit, reason: 'asked for by hand' });
      const sentence = `worker ${worker} is to be drained${exit ? ' and to end' : ''}, asked for by hand`;
      queue.events.tell('drain', { sentence, worker, exit });
    },
    async undrain(worker) {
      heardOf(worker);
      await undrainWorker(worker);
      queue.events.tell('drain', { sentence: `worker ${worker} is to serve again, asked for by hand`, worker });
    },
    async scale(count) {
      const reports = (await supervisors()).map((view) => view.report);
      if (reports.length === 0)
        throw new Failure(
          'conflict',
          'no supervisor listens: workers that are started alone are scaled by whoever starts them',
        );
      const shares = shareWorkers(count, reports);
      const [least, most] = (['min', 'max'] as const).map((end) =>
        reports.reduce((sum, one) => sum + one.range[end], 0),
      );
      if (!shares)
        throw new Failure('bad_request', `from ${least} to ${most} workers are allowed here, not ${count}`, {
          pointers: ['/count'],
        });
      const plan = reports.map(({ id, host, workers }) => ({ id, host, from: workers, to: shares.get(id) ?? workers }));
      for (const { id, to } of plan) await wishWorkers(id, { count: to, by: 'hand', reason: 'asked for by hand' });
      const before = plan.reduce((sum, { from }) => sum + from, 0);
      report({ before, count }, 'another number of workers is asked for by hand');
      queue.events.tell('scale', {
        sentence: `${count} workers instead of ${before} are asked for by hand`,
        before,
        count,
      });
      return { before, count, supervisors: plan };
    },
  };
}

export function openScaling(parts: Parts): OpenScaling {
  const { queue, fleet, holds, metrics, report } = parts;
  const autoscaler = createAutoscaler();
  const demand = createDemand();
  const bestRates = createBestRates();
  const desired = metrics.gauge(
    'batchyard_desired_workers',
    'Workers that the load of a model, or of all (*), calls for',
    ['model'],
  );

  /** From what waits in Redis, so that it does not matter through which gateway it came. Rows are counted as jobs. */
  async function pressureOf(name: string, rowsPerMs: number): Promise<number> {
    const { byClass, oldestMs } = await queue.counts(name);
    const waiting = PRIORITY_CLASSES.map((one) => byClass[one]) as unknown as ClassCounts;
    const shares = PRIORITY_CLASSES.map((one, i) => {
      if (byClass[one] === 0) return 0;
      return Math.max(oldestMs[one], predictWait(i, waiting, NO_ARRIVALS, rowsPerMs)) / CLASS_SLA_MS[one];
    });
    return Math.max(...shares);
  }
  function facts(): Promise<ScaleFacts[]> {
    const loaded = fleet.serving().flatMap(({ heartbeat }) => heartbeat.models);
    return Promise.all(
      fleet.models().map(async (view) => ({
        utilisation: mean(loaded.flatMap((one) => (one.queue === view.queue ? (one.busy ?? []) : []))),
        pressure: await pressureOf(view.queue, view.rowsPerMs),
      })),
    );
  }

  return {
    ...createDesk(parts),
    async turn(nowMs) {
      demand.look(
        fleet.serving().map(({ heartbeat }) => heartbeat),
        nowMs,
      );
      if (!holds()) return autoscaler.reset();
      const supervisors = await queue.supervisors();
      if (!supervisors.some(({ report: { range } }) => range.auto)) return autoscaler.reset();
      const decision = autoscaler.look(await facts(), supervisors, nowMs);
      if (!decision) return;
      const { supervisor, from, to, reason } = decision;
      await queue.wishWorkers(supervisor, { count: to, by: 'autoscaler', reason });
      report({ supervisor, from, to, reason }, 'the autoscaler asks for another number of workers');
      const sentence = `the autoscaler asks for ${to} workers instead of ${from}: ${reason}`;
      queue.events.tell('scale', { sentence, supervisor, from, to });
    },
    async collect() {
      desired.reset();
      let all = 0;
      for (const view of fleet.models()) {
        const best = bestRates.look(view.queue, view.workers > 0 ? view.rowsPerMs / view.workers : 0);
        const { depth } = await queue.counts(view.queue);
        const needed = workersFor({
          ranPerMs: demand.rowsPerMs(view.queue),
          waitingRows: depth,
          workerRowsPerMs: best,
        });
        desired.set({ model: modelOfQueue(view.queue).model }, Math.ceil(needed));
        all += needed;
      }
      desired.set({ model: '*' }, Math.max(1, Math.ceil(all)));
    },
  };
}
