/** Part of the wiring: what any gateway does for the cluster each second, told to the log and as events. */
import type { QueueOperations } from '@batchyard/queue/queue';
import type { Logger } from '@batchyard/shared/runtime/log';

import type { FleetView } from './fleet/fleet-view.ts';
import { createHousekeeping, type Housekeeping } from './fleet/housekeeping.ts';

export function openHousekeeping(queue: QueueOperations, fleet: FleetView, log: Logger): Housekeeping {
  return createHousekeeping({
    ...queue,
    silences: () =>
      fleet.workers().map((view) => ({
        worker: view.heartbeat.id,
        silentMs: fleet.silentMs(view),
        named: view.heartbeat.named === true,
      })),
    report: (event, detail) => log.warn(detail, event),
    died: (worker, jobs) =>
      queue.events.tell('kill', { sentence: `worker ${worker} is dead; ${jobs} of its jobs wait again`, worker, jobs }),
  });
}
