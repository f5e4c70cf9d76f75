/** Everything one process does to the queues of one shard, put together. */
import type { Blocking } from '@batchyard/shared/runtime/cluster';

import { createAccessStore, type AccessStore } from './access.ts';
import { createBatchingStore, type BatchingStore } from './batching.ts';
import { createConsumer, type Consumer } from './consumer.ts';
import { createDetails, type Details } from './details.ts';
import { createEmptying, type Emptying } from './emptying.ts';
import { createHooks, type Hooks } from './hooks.ts';
import { createInspection, type Inspection } from './inspection.ts';
import { createJobIndex, type JobIndex } from './job-index.ts';
import { createKeeping, type Keeping } from './keeping.ts';
import { createListing, type Listing } from './listing.ts';
import { createLoadTests, type LoadTests } from './load-tests.ts';
import { createProducer, type Producer } from './producer.ts';
import { createRecovery, type Recovery } from './recovery.ts';
import { createRedisClock, type RedisClock } from './redis-clock.ts';
import { createReplyStream, type ReplyStream } from './replies.ts';
import { createRepository, type Repository } from './repository.ts';
import { createScaling, type Scaling } from './scaling.ts';
import type { QueueSettings } from './settings.ts';
import { createSteering, type Steering } from './steering.ts';
import { createTuning, type Tuning } from './tuning.ts';
import { createWaking, type Waking } from './waking.ts';
import { createWatching, type Watching } from './watching.ts';

export type QueueOperations = Producer &
  Consumer &
  Inspection &
  Listing &
  JobIndex &
  Emptying &
  Recovery &
  Waking &
  Steering &
  Scaling &
  Repository &
  Tuning &
  Watching &
  Keeping &
  Hooks &
  LoadTests &
  Details &
  AccessStore &
  BatchingStore & { readonly replies: ReplyStream; readonly clock: RedisClock };

/** @param blocking a connection of its own for BZPOPMIN (workers) or XREAD (gateways); never used for both */
export function createQueueOperations(settings: QueueSettings & { readonly blocking: Blocking }): QueueOperations {
  const clock = createRedisClock();
  return {
    ...createProducer(settings, clock),
    ...createConsumer(settings, clock),
    ...createInspection(settings),
    ...createListing(settings),
    ...createJobIndex(settings),
    ...createEmptying(settings),
    ...createRecovery(settings),
    ...createWaking(settings, settings.blocking),
    ...createSteering(settings),
    ...createScaling(settings),
    ...createRepository(settings),
    ...createTuning(settings),
    ...createWatching(settings),
    ...createKeeping(settings),
    ...createHooks(settings),
    ...createLoadTests(settings),
    ...createDetails(settings),
    ...createAccessStore(settings),
    ...createBatchingStore(settings),
    replies: createReplyStream(settings, settings.blocking),
    clock,
  };
}
