/**
 * STORY 3. Once a second the gateway that holds the lease looks at what the workers tell of themselves and says to each how
 * soon it may take. What it says is absolute, expires by itself, and nothing waits for it: without it every worker serves
 * by its own defaults.
 */
import type { Directive, DrainWish } from '@batchyard/shared/contract/directive';
import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';

import { createBestRates } from './balancer/best-rates.ts';
import { postOf } from './balancer/crowding.ts';
import { decideRests, type Seat } from './balancer/decide-rests.ts';
import { createDemand } from './balancer/demand.ts';

type Parts = {
  readonly gateway: string;
  /** Takes or keeps the lease; @returns who holds it. */
  readonly steer: (gateway: string, directives: ReadonlyMap<string, Directive>) => Promise<string>;
  /** Those that serve now. */
  readonly serving: () => readonly Heartbeat[];
  /** What is to be drained, by worker. */
  readonly wishes: () => Promise<{ readonly drains: ReadonlyMap<string, DrainWish> }>;
  /** Those heard of within the last minute. */
  readonly known: () => readonly string[];
  /** Nobody is called so any more: its wish is over. */
  readonly forget: (worker: string) => Promise<void>;
  readonly report: (event: string, detail: Record<string, unknown>) => void;
};

export type SteerFleet = {
  turn(nowMs: number): Promise<void>;
  holds(): boolean;
};

function seatIn(queue: string, beat: Heartbeat): Seat[] {
  const { id, models } = beat;
  const points = models.find((one) => one.queue === queue)?.latency.filter((point) => point.p50_ms > 0) ?? [];
  const best = points.toSorted((a, b) => b.rows / b.p50_ms - a.rows / a.p50_ms)[0];
  return best
    ? [{ worker: id, rowsPerMs: best.rows / best.p50_ms, batchMs: best.p50_ms, post: postOf(beat, queue) }]
    : [];
}

export function createSteerFleet({ gateway, steer, serving, wishes, known, forget, report }: Parts): SteerFleet {
  const demand = createDemand();
  const bestRates = createBestRates();
  let holder = '';

  function serveDirectives(heartbeats: readonly Heartbeat[]): Map<string, Directive> {
    const queues = new Set(heartbeats.flatMap(({ models }) => models.map(({ queue }) => queue)));
    const rests = [...queues].flatMap((queue) => {
      const seats = heartbeats.flatMap((beat) => seatIn(queue, beat));
      const best = bestRates.look(queue, Math.max(...seats.map((seat) => seat.rowsPerMs)));
      return decideRests(queue, seats, demand.rowsPerMs(queue), best).map((rest) => ({ queue, ...rest }));
    });
    return new Map(
      heartbeats.map(({ id }) => {
        const own = rests.filter(({ worker }) => worker === id);
        const reason = own.length > 0 ? own.map((rest) => rest.reason).join('; ') : 'takes at once';
        const takes = Object.fromEntries(own.map(({ queue, rule }) => [queue, rule]));
        return [id, { kind: 'serve', takes, reason }];
      }),
    );
  }
  /** Who is to be drained is told so; who was, and is no more, is told to serve. */
  async function directives(heartbeats: readonly Heartbeat[]): Promise<Map<string, Directive>> {
    const { drains } = await wishes();
    const living = known();
    for (const worker of drains.keys()) if (!living.includes(worker)) await forget(worker);
    const back = living.map((id): [string, Directive] => [id, { kind: 'serve', takes: {}, reason: 'takes at once' }]);
    const drained = living.flatMap((id): [string, Directive][] => {
      const wish = drains.get(id);
      return wish ? [[id, { kind: 'drain', ...wish }]] : [];
    });
    const serve = serveDirectives(heartbeats.filter(({ id }) => !drains.has(id)));
    return new Map([...back, ...serve, ...drained]);
  }

  return {
    async turn(nowMs) {
      const heartbeats = serving();
      // Also without the lease: whoever gets it knows already what is asked for.
      demand.look(heartbeats, nowMs);
      const before = holder;
      holder = '';
      holder = await steer(gateway, before === gateway ? await directives(heartbeats) : new Map<string, Directive>());
      if (holder === gateway && before !== gateway) report('this gateway steers the workers now', { before });
    },
    holds: () => holder === gateway,
  };
}
