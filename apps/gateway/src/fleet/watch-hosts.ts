/** Says once of each host that it has more workers than cores. */
import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';

import { crowdedHosts, type HostLine } from '../balancer/crowding.ts';

export type HostWatch = { look(heartbeats: readonly Heartbeat[]): void };

export function createHostWatch(warn: (detail: HostLine, sentence: string) => void): HostWatch {
  let told: ReadonlySet<string> = new Set();
  return {
    look(heartbeats) {
      const crowded = crowdedHosts(heartbeats);
      for (const line of crowded.filter(({ host }) => !told.has(host)))
        warn(line, 'this host has more workers than cores: those too many mostly rest, fewer would do as much');
      // Who was mended and is crowded again is told again.
      told = new Set(crowded.map(({ host }) => host));
    },
  };
}
