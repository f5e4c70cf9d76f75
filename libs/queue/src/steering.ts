/** The lease of the gateway that steers, what it says to the workers, and what people have asked of it. */
import { balancerChangeSchema, type BalancerChange } from '@batchyard/shared/contract/balancer';
import { drainWishSchema, type Directive, type DrainWish } from '@batchyard/shared/contract/directive';
import { balancerKey, drainsKey, steeringKey } from '@batchyard/shared/contract/redis-keys';

import { pack, runScript } from './scripts.ts';
import type { QueueSettings } from './settings.ts';

/** Longer than two turns of a second each; a holder that dies is followed by another within a turn after it. */
const LEASE_MS = 3_000;
/** A worker that hears nothing new for so long serves by its own defaults. */
const DIRECTIVE_MS = 5_000;

export type SteeringWishes = {
  /** Undefined where nothing was changed. */
  readonly balancer: BalancerChange | undefined;
  /** By worker. */
  readonly drains: ReadonlyMap<string, DrainWish>;
};

export type Steering = {
  /** Takes or keeps the lease and, where it is held, gives each worker its directive. @returns the gateway that steers */
  steer(gateway: string, directives: ReadonlyMap<string, Directive>): Promise<string>;
  /** Gives the lease back, if it is held. */
  stopSteering(gateway: string): Promise<void>;
  steeringWishes(): Promise<SteeringWishes>;
  /** An empty change leaves what is configured. */
  changeBalancer(change: BalancerChange): Promise<void>;
  /** Safe to repeat; the worker stops taking within about two seconds, by whichever gateway steers. */
  drainWorker(worker: string, wish: DrainWish): Promise<void>;
  /** Takes the wish back: a worker that has not ended serves again. */
  undrainWorker(worker: string): Promise<void>;
};

/** What cannot be read counts as not there. */
function read<T>(schema: { safeParse(value: unknown): { data?: T } }, text: string | null | undefined): T | undefined {
  if (!text) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

export function createSteering({ commands, prefix }: QueueSettings): Steering {
  async function turn(gateway: string, leaseMs: number, directives: readonly string[]): Promise<string> {
    const header = pack([`${prefix}:x:`, gateway, leaseMs, DIRECTIVE_MS, directives]);
    return String(await runScript(commands, 'steer', steeringKey(prefix), [header]));
  }
  return {
    steer: (gateway, directives) =>
      turn(
        gateway,
        LEASE_MS,
        [...directives].flatMap(([worker, directive]) => [worker, JSON.stringify(directive)]),
      ),
    async stopSteering(gateway) {
      await turn(gateway, 0, []);
    },
    async steeringWishes() {
      const [balancer, drains] = await Promise.all([
        commands.get(balancerKey(prefix)),
        commands.hgetall(drainsKey(prefix)),
      ]);
      const wishes = Object.entries(drains).flatMap(([worker, text]) => {
        const wish = read(drainWishSchema, text);
        return wish ? [[worker, wish] as const] : [];
      });
      return { balancer: read(balancerChangeSchema, balancer), drains: new Map(wishes) };
    },
    async changeBalancer(change) {
      if (Object.keys(change).length === 0) await commands.del(balancerKey(prefix));
      else await commands.set(balancerKey(prefix), JSON.stringify(change));
    },
    async drainWorker(worker, wish) {
      await commands.hset(drainsKey(prefix), worker, JSON.stringify(wish));
    },
    async undrainWorker(worker) {
      await commands.hdel(drainsKey(prefix), worker);
    },
  };
}
