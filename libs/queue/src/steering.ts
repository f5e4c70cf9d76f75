/** The lease of the gateway that steers, and what it says to the workers. */
import type { Directive } from '@batchyard/shared/contract/directive';
import { steeringKey } from '@batchyard/shared/contract/redis-keys';

import { pack, runScript } from './scripts.ts';
import type { QueueSettings } from './settings.ts';

/** Longer than two turns of a second each; a holder that dies is followed by another within a turn after it. */
const LEASE_MS = 3_000;
/** A worker that hears nothing new for so long serves by its own defaults. */
const DIRECTIVE_MS = 5_000;

export type Steering = {
  /** Takes or keeps the lease and, where it is held, gives each worker its directive. @returns the gateway that steers */
  steer(gateway: string, directives: ReadonlyMap<string, Directive>): Promise<string>;
  /** Gives the lease back, if it is held. */
  stopSteering(gateway: string): Promise<void>;
};

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
  };
}
