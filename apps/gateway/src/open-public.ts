/** Part of the wiring: the cold routes of the public listener, and what they ask. */
import type { QueueOperations } from '@batchyard/queue/queue';

import type { Config } from './config.ts';
import type { FleetView } from './fleet/fleet-view.ts';
import { createRepositoryDesk } from './fleet/repository-desk.ts';
import type { InquiryDesk } from './http/inquiry-routes.ts';
import type { Audit } from './http/audit.ts';
import { createPublicApp } from './http/public-app.ts';
import type { RepositoryDesk } from './http/repository-routes.ts';
import { askRedis } from './queue/ask-redis.ts';

type Parts = {
  readonly config: Config;
  readonly version: string;
  readonly queue: QueueOperations;
  readonly fleet: FleetView;
  readonly log: { level: string };
  readonly ready: () => boolean;
  readonly audit: Audit;
};

/** A session may take as long as this to load. */
const LOAD_LIMIT_MS = 60_000;

/** What is asked about models, over either protocol. */
export const openInquiries = ({ queue, fleet }: Pick<Parts, 'queue' | 'fleet'>): InquiryDesk => ({
  models: fleet,
  served: () => fleet.models().filter((one) => one.offered),
  details: askRedis(queue.details),
  statistics: askRedis(queue.statistics),
});

/** The repository, likewise. */
export const openRepository = ({ queue, fleet }: Pick<Parts, 'queue' | 'fleet'>): RepositoryDesk =>
  createRepositoryDesk({
    queue: {
      repositoryReports: askRedis(queue.repositoryReports),
      wishModel: askRedis(queue.wishModel),
      modelWish: askRedis(queue.modelWish),
    },
    fleet: { refresh: askRedis(fleet.refresh), serving: fleet.serving, model: fleet.model },
    limitMs: LOAD_LIMIT_MS,
    now: () => performance.now(),
    pause: (ms) => new Promise((resolve) => void setTimeout(resolve, ms)),
  });

export const openPublic = ({ config, version, queue, fleet, log, ready, audit }: Parts) =>
  createPublicApp({
    serverName: config.BATCHYARD_SERVER_NAME,
    version,
    inquiries: openInquiries({ queue, fleet }),
    repository: openRepository({ queue, fleet }),
    log,
    ready,
    audit,
  });
