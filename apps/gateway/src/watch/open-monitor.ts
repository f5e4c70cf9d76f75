/** Everything that watches the cluster, put together: what happens is told, followed and shown, once a second. */
import type { Watching } from '@batchyard/queue/watching';
import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';
import type { Model } from '@batchyard/shared/contract/model';

import { fleetChanges, type FleetLook } from '../monitor/fleet-changes.ts';
import { createFollowCluster } from './follow-cluster.ts';
import { eachSecond } from './each-second.ts';

type Parts = {
  readonly watching: Watching;
  readonly fleet: {
    models(): readonly { readonly model: Model; readonly queue: string }[];
    workers(): readonly { readonly heartbeat: Heartbeat }[];
    fresh(): boolean;
  };
  /** This gateway steers: then it speaks for the cluster. */
  readonly holds: () => boolean;
};

export function openMonitor({ watching, fleet, holds }: Parts) {
  const cluster = createFollowCluster({ follow: watching.follow, show: ({ text }) => text });
  let seen: FleetLook | undefined;

  function lookAtFleet(): void {
    if (!fleet.fresh()) return;
    const workers = fleet.workers().map(({ heartbeat: { id, state } }) => ({ id, state }));
    const models = fleet.models().map(({ model, queue }) => ({ queue, file: model.sha256 ?? model.signature }));
    const now = { workers, models };
    // What was there before the first look is no news; what another gateway told is none either.
    if (seen && holds()) for (const { kind, detail } of fleetChanges(seen, now)) watching.events.tell(kind, detail);
    seen = now;
  }

  const clock = eachSecond(async () => {
    lookAtFleet();
    await cluster.turn();
  });
  return {
    events: { events: cluster.events, since: cluster.since, subscribe: cluster.subscribe },
    stop: () => clock.stop(),
  };
}
