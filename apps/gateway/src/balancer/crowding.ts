/**
 * Workers of one machine share its cores. More runs at once than it has cores slow each other down, so that all of them
 * together do no more than a few would, in smaller batches: nothing is gained, and every caller waits longer. Pure.
 */
import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';

export type Post = {
  /** Name of the machine, or of the container. */
  readonly host: string;
  /** That this host may use; infinite where its workers do not tell. */
  readonly cores: number;
  /** That one run keeps busy. */
  readonly threads: number;
};

export function postOf({ host, cores = Number.POSITIVE_INFINITY, models }: Heartbeat, queue: string): Post {
  return { host, cores, threads: models.find((one) => one.queue === queue)?.intra_op_threads ?? 1 };
}

/**
 * @param order in which they are to take
 * @returns those of them for whom those before leave no core of their host; never the first of a host
 */
export function crowdedOut<T extends { readonly post: Post }>(order: readonly T[]): ReadonlySet<T> {
  const busy = new Map<string, number>();
  const out = new Set<T>();
  for (const one of order) {
    const { host, cores, threads } = one.post;
    const before = busy.get(host) ?? 0;
    if (before > 0 && before + threads > cores) out.add(one);
    else busy.set(host, before + threads);
  }
  return out;
}

export type HostLine = { readonly host: string; readonly cores: number; readonly workers: number };

/** Hosts with more workers than cores: the ones too many mostly rest, and cost their memory. */
export function crowdedHosts(heartbeats: readonly Heartbeat[]): HostLine[] {
  const lines = [...new Set(heartbeats.map(({ host }) => host))].map((host) => {
    const own = heartbeats.filter((beat) => beat.host === host);
    return { host, cores: Math.max(...own.map(({ cores = Number.POSITIVE_INFINITY }) => cores)), workers: own.length };
  });
  return lines.filter(({ cores, workers }) => workers > cores);
}
