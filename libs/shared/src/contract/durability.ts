/** What a Redis must be like for accepted jobs to outlive it, and what BATCHYARD_DURABILITY makes of one that is not. */
export const DURABILITIES = ['auto', 'durable', 'ephemeral'] as const;
/** `durable` refuses a Redis that would forget, `auto` one that would forget while it runs, `ephemeral` none. */
export type Durability = (typeof DURABILITIES)[number];

export type Persistence = {
  /** It keeps an append-only file. */
  readonly appendOnly: boolean;
  /** `maxmemory-policy`; '' where it has none. */
  readonly policy: string;
};

export const evicts = ({ policy }: Persistence): boolean => policy !== '' && policy !== 'noeviction';
/** Accepted jobs outlive a restart of Redis. */
export const keepsJobs = (redis: Persistence): boolean => redis.appendOnly && !evicts(redis);

/** @param shown the address of Redis as it may be shown */
export function durabilityProblem(
  redis: Persistence,
  durability: Durability,
  shown: string,
): { readonly sentence: string; readonly next: string } | undefined {
  if (durability === 'ephemeral') return undefined;
  if (evicts(redis))
    return {
      sentence: `the Redis at ${shown} evicts keys when it is full (maxmemory-policy ${redis.policy}), so accepted jobs could vanish`,
      next: `redis-cli -u ${shown} config set maxmemory-policy noeviction`,
    };
  if (durability === 'durable' && !redis.appendOnly)
    return {
      sentence: `the Redis at ${shown} keeps no append-only file, and BATCHYARD_DURABILITY is durable`,
      next: `redis-cli -u ${shown} config set appendonly yes`,
    };
  return undefined;
}

/** An address, or several with commas between them, without passwords. */
export function shownUrl(urls: string): string {
  return urls
    .split(',')
    .map((url) => {
      try {
        const parsed = new URL(url.trim());
        if (parsed.password) parsed.password = '***';
        return parsed.toString();
      } catch {
        return url;
      }
    })
    .join(',');
}
