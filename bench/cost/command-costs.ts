/**
 * What Redis' own commands take, as it counts them (`INFO commandstats`), those that a script calls one by one among them.
 * Scripts themselves are left out: their time contains that of what they call.
 */
export type CommandCosts = ReadonlyMap<string, { readonly calls: number; readonly us: number }>;

const SCRIPTS = new Set(['eval', 'evalsha', 'eval_ro', 'evalsha_ro', 'fcall', 'fcall_ro']);

/** @param text of `INFO commandstats` */
export function parseCommandCosts(text: string): CommandCosts {
  const lines = Array.from(text.matchAll(/^cmdstat_([^:]+):calls=(\d+),usec=(\d+)/gm));
  return new Map(
    lines
      .filter(([, name = '']) => !SCRIPTS.has(name))
      .map(([, name = '', calls, us]) => [name, { calls: Number(calls), us: Number(us) }]),
  );
}

/** Of each job, between two readings. */
export function commandsPerJob(before: CommandCosts, after: CommandCosts, jobs: number): CommandCosts {
  return new Map(
    Array.from(after, ([name, { calls, us }]) => {
      const earlier = before.get(name) ?? { calls: 0, us: 0 };
      return [name, { calls: (calls - earlier.calls) / jobs, us: (us - earlier.us) / jobs }];
    }),
  );
}

/**
 * By how much a job is dearer because the same commands take longer than they did, µs: what Redis does more by itself. Commands
 * that are more in number, or were not there, are not in it: those are of our making.
 */
export function slowerBy(first: CommandCosts, now: CommandCosts): number {
  let sum = 0;
  for (const [name, { calls, us }] of now) {
    const before = first.get(name);
    if (!before || before.calls <= 0 || calls <= 0) continue;
    sum += Math.min(calls, before.calls) * (us / calls - before.us / before.calls);
  }
  return sum;
}

export const sumOf = (costs: CommandCosts, of: 'calls' | 'us'): number =>
  Array.from(costs.values()).reduce((sum, cost) => sum + cost[of], 0);
