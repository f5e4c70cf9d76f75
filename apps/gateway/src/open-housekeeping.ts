/** Part of the wiring: what any gateway does for the cluster each second, told to the log and as events. */
import type { QueueOperations } from '@batchyard/queue/queue';
import { workerEnded } from '@batchyard/shared/contract/event';
import type { Logger } from '@batchyard/shared/runtime/log';

import type { FleetView } from './fleet/fleet-view.ts';
import { createHousekeeping, type Housekeeping } from './fleet/housekeeping.ts';

export type FleetHousekeeping = Housekeeping & {
  /** Now and then: forgets models that were withdrawn and of which nothing is left. */
  forget(): Promise<void>;
};

export function openHousekeeping(queue: QueueOperations, fleet: FleetView, log: Logger): FleetHousekeeping {
  const housekeeping = createHousekeeping({
    ...queue,
    silences: () =>
      fleet.workers().map((view) => ({
        worker: view.heartbeat.id,
        silentMs: fleet.silentMs(view),
        named: view.heartbeat.named === true,
        stopped: view.heartbeat.state === 'stopped',
      })),
    report: (event, detail) => log.warn(detail, event),
    ended(worker, jobs, drained) {
      const { kind, detail } = workerEnded(worker, jobs, drained);
      queue.events.tell(kind, detail);
    },
  });
  return {
    ...housekeeping,
    async forget() {
      for (const { model, offered } of fleet.models()) if (!offered) await queue.forget(model);
    },
  };
}
