/** The steering with what Redis keeps of it. */
import type { Steering } from '@batchyard/queue/steering';
import { DEFAULT_WEIGHTS, type BalancerSettings, type BalancerStrategy } from '@batchyard/shared/contract/balancer';

import type { Seen } from './balancer/books.ts';
import { createSteerFleet, type SteerFleet } from './steer-fleet.ts';

type Parts = {
  readonly gateway: string;
  /** Until another one is asked for. */
  readonly strategy: BalancerStrategy;
  readonly queue: Steering;
  readonly workers: () => readonly Seen[];
  readonly report: (event: string, detail: Record<string, unknown>) => void;
};

export function openSteering({ gateway, strategy, queue, workers, report }: Parts): SteerFleet & {
  readonly configured: BalancerSettings;
} {
  const configured = { strategy, weights: DEFAULT_WEIGHTS };
  const { steer, steeringWishes, undrainWorker } = queue;
  const fleet = createSteerFleet({
    gateway,
    configured,
    steer,
    workers,
    wishes: steeringWishes,
    forget: undrainWorker,
    report,
  });
  return { ...fleet, configured };
}
