/** What this worker has taken and not yet finished, and which batches of it run now. */
export type HeldBatch = {
  readonly queue: string;
  readonly token: string;
  readonly batch: number;
  /** When the locks of its jobs were last set. */
  lockedAt: number;
};

export type HeldJobs = {
  /** @returns those that are not held already: a job that came a second time joins the run in progress */
  hold<T extends { readonly id: string }>(batch: HeldBatch, jobs: readonly T[]): T[];
  /** The locks of what is held of this queue by this token were set at that time. */
  renewed(owner: Pick<HeldBatch, 'queue' | 'token'>, atMs: number): void;
  /** What was taken anew since, under another token, stays held. */
  drop(token: string, ids: Iterable<string>): void;
  /** Nothing that was taken with this token is ours any more. */
  clear(token: string): void;
  size(): number;
  has(queue: string): boolean;
  /** Jobs of this queue. */
  of(queue: string): number;
  batches(): (HeldBatch & { readonly ids: readonly string[] })[];
  /** By queue and token. */
  owned(): { readonly queue: string; readonly token: string; readonly ids: readonly string[] }[];
  /** @returns all batches that run now, this one included */
  begin(batch: HeldBatch): number[];
  end(batch: HeldBatch): void;
  running(queue: string): HeldBatch[];
};

export function createHeldJobs(): HeldJobs {
  const held = new Map<string, HeldBatch>();
  const running = new Set<HeldBatch>();
  return {
    hold(batch, jobs) {
      const fresh = jobs.filter((job) => held.get(job.id)?.token !== batch.token);
      for (const job of fresh) held.set(job.id, batch);
      return fresh;
    },
    renewed({ queue, token }, atMs) {
      for (const batch of held.values()) if (batch.queue === queue && batch.token === token) batch.lockedAt = atMs;
    },
    drop(token, ids) {
      for (const id of ids) if (held.get(id)?.token === token) held.delete(id);
    },
    clear(token) {
      for (const [id, batch] of held) if (batch.token === token) held.delete(id);
    },
    size: () => held.size,
    has: (queue) => [...held.values()].some((one) => one.queue === queue),
    of: (queue) => [...held.values()].filter((one) => one.queue === queue).length,
    batches() {
      const ids = new Map<HeldBatch, string[]>();
      for (const [id, batch] of held) ids.set(batch, [...(ids.get(batch) ?? []), id]);
      return [...ids].map(([batch, own]) => ({ ...batch, ids: own }));
    },
    owned() {
      const owners = new Map<string, { queue: string; token: string; ids: string[] }>();
      for (const [id, { queue, token }] of held) {
        const owner = owners.get(`${token} ${queue}`) ?? { queue, token, ids: [] };
        owner.ids.push(id);
        owners.set(`${token} ${queue}`, owner);
      }
      return [...owners.values()];
    },
    begin(batch) {
      running.add(batch);
      return [...running].map((one) => one.batch);
    },
    end(batch) {
      running.delete(batch);
    },
    running: (queue) => [...running].filter((one) => one.queue === queue),
  };
}
