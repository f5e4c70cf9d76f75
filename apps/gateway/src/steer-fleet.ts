/**
 * STORY 4. Once a second every gateway looks at what the workers tell of themselves, and the one that holds the lease says
 * to each how it may take. What it says is absolute, expires by itself, and nothing waits for it: without it every worker
 * serves by its own defaults.
 */
import { changedBalancer, type BalancerChange, type BalancerSettings } from '@batchyard/shared/contract/balancer';
import type { Directive, DrainWish } from '@batchyard/shared/contract/directive';

import { createBalance, type BalanceLine } from './balancer/balance.ts';
import type { Seen } from './balancer/books.ts';

type Wishes = { readonly balancer: BalancerChange | undefined; readonly drains: ReadonlyMap<string, DrainWish> };

type Parts = {
  readonly gateway: string;
  /** Until something is changed. */
  readonly configured: BalancerSettings;
  /** Takes or keeps the lease and, where it is held, tells the directives; @returns who holds it. */
  readonly steer: (gateway: string, directives: ReadonlyMap<string, Directive>) => Promise<string>;
  /** Those heard of within the last minute. */
  readonly workers: () => readonly Seen[];
  readonly wishes: () => Promise<Wishes>;
  /** Nobody is called so any more: its wish is over. */
  readonly forget: (worker: string) => Promise<void>;
  readonly report: (event: string, detail: Record<string, unknown>) => void;
};

export type SteeringView = BalancerSettings & { readonly steers: boolean; readonly workers: readonly BalanceLine[] };

export type SteerFleet = {
  turn(nowMs: number): Promise<void>;
  holds(): boolean;
  /** As of the last turn; a gateway that does not hold the lease tells what it would say. */
  view(): SteeringView;
};

export function createSteerFleet({ gateway, configured, steer, workers, wishes, forget, report }: Parts): SteerFleet {
  const balance = createBalance();
  let holder = '';
  let settings = configured;
  let lines: readonly BalanceLine[] = [];

  return {
    async turn(nowMs) {
      const seen = workers();
      // Also without the lease: whoever gets it knows already what is asked for, and how each worker is.
      balance.look(seen, nowMs);
      const { balancer, drains } = await wishes();
      settings = changedBalancer(configured, balancer);
      const decided = balance.decide(settings, drains);
      lines = decided.lines;
      const before = holder;
      holder = '';
      holder = await steer(gateway, before === gateway ? decided.directives : new Map<string, Directive>());
      if (holder !== gateway) return;
      if (before !== gateway) report('this gateway steers the workers now', { before });
      const known = new Set(seen.map(({ heartbeat }) => heartbeat.id));
      for (const worker of drains.keys()) if (!known.has(worker)) await forget(worker);
    },
    holds: () => holder === gateway,
    view: () => ({ ...settings, steers: holder === gateway, workers: lines }),
  };
}
