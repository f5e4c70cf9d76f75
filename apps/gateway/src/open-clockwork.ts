/** Part of the wiring: what a gateway does by the clock, until it ends. */
import type { LoopLag } from './admission/loop-lag.ts';
import type { FleetView } from './fleet/fleet-view.ts';
import type { createHostWatch } from './fleet/watch-hosts.ts';
import type { Waiters } from './queue/waiters.ts';
import type { FleetHousekeeping } from './open-housekeeping.ts';
import type { SteerFleet } from './steer-fleet.ts';

type Parts = {
  readonly waiters: Pick<Waiters, 'tick'>;
  readonly lag: Pick<LoopLag, 'tick'>;
  readonly fleet: Pick<FleetView, 'refresh' | 'serving' | 'fresh'>;
  /** What else is to be told, or asked for, each second; none of them fails. */
  readonly refresh: readonly (() => Promise<void>)[];
  readonly hosts: ReturnType<typeof createHostWatch>;
  readonly steering: Pick<SteerFleet, 'turn'>;
  /** After the steering, which tells who holds the lease. */
  readonly scaling: { turn(nowMs: number): Promise<void> };
  readonly tuning: { turn(): Promise<void> };
  readonly housekeeping: FleetHousekeeping;
  readonly draining: () => boolean;
};

export const TICK_MS = 100;
const LOOK_MS = 1_000;
const SOON_MS = 250;
const FORGET_MS = 60_000;

/** @returns what stops it */
export function openClockwork(parts: Parts): () => void {
  const { waiters, lag, fleet, hosts, steering, scaling, tuning, housekeeping } = parts;
  async function look(): Promise<void> {
    await Promise.all([fleet.refresh(), ...parts.refresh.map((one) => one())]);
    hosts.look(fleet.serving().map(({ heartbeat }) => heartbeat));
    if (parts.draining()) return;
    await steering.turn(performance.now());
    await scaling.turn(performance.now());
    await tuning.turn();
  }
  /** Redis was away, or nobody serves: who comes back is seen soon. */
  async function lookOut(): Promise<void> {
    if (!fleet.fresh() || fleet.serving().length === 0) await fleet.refresh();
  }
  function tick(): void {
    const nowMs = performance.now();
    lag.tick(nowMs);
    waiters.tick(nowMs);
  }
  const timers = [
    setInterval(tick, TICK_MS),
    setInterval(() => void look().catch(() => undefined), LOOK_MS),
    setInterval(() => void housekeeping.sweep(performance.now()), LOOK_MS),
    setInterval(() => void lookOut().catch(() => undefined), SOON_MS),
    setInterval(() => void housekeeping.judge(performance.now()), SOON_MS),
    setInterval(() => void housekeeping.forget().catch(() => undefined), FORGET_MS),
  ];
  return () => timers.forEach((timer) => clearInterval(timer));
}
