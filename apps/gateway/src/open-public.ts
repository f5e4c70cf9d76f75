/** Part of the wiring: the cold routes of the public listener, and what they ask. */
import type { QueueOperations } from '@batchyard/queue/queue';

import type { Config } from './config.ts';
import type { FleetView } from './fleet/fleet-view.ts';
import { createPublicApp } from './http/public-app.ts';
import { askRedis } from './queue/ask-redis.ts';

type Parts = {
  readonly config: Config;
  readonly version: string;
  readonly queue: QueueOperations;
  readonly fleet: FleetView;
  readonly ready: () => boolean;
};

export const openPublic = ({ config, version, queue, fleet, ready }: Parts) =>
  createPublicApp({
    serverName: config.BATCHYARD_SERVER_NAME,
    version,
    inquiries: {
      models: fleet,
      served: () => fleet.models().filter((one) => one.offered),
      details: askRedis(queue.details),
      statistics: askRedis(queue.statistics),
    },
    ready,
  });
