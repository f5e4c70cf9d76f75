/** What workers tell of the model repository, and what is wished of it: two hashes and a string for each worker. */
import { queueName, type Model, modelSchema } from '@batchyard/shared/contract/model';
import { detailsKey, extraBase, queuesKey, repositoryKey, wishesKey } from '@batchyard/shared/contract/redis-keys';
import {
  modelWishSchema,
  MOST_WISHES,
  repositoryReportSchema,
  type ModelWish,
  type RepositoryReport,
} from '@batchyard/shared/contract/repository';

import { countJobs } from './count-jobs.ts';
import type { QueueSettings } from './settings.ts';

export type Repository = {
  /** As it was announced last. */
  registered(queue: string): Promise<Model | undefined>;
  /** What is left of a queue: jobs in whatever state, and tombstones. */
  leftIn(queue: string): Promise<number>;
  /** Forgets a model that was withdrawn and not announced again, if nothing of its queue is left. */
  forget(model: Pick<Model, 'name' | 'version'>, left?: number): Promise<void>;
  reportRepository(worker: string, report: RepositoryReport): Promise<void>;
  /** By worker; those of which none is known are left out. */
  repositoryReports(workers: readonly string[]): Promise<ReadonlyMap<string, RepositoryReport>>;
  /** @returns false where there are too many models to wish for */
  wishModel(model: string, wish: ModelWish): Promise<boolean>;
  modelWish(model: string): Promise<ModelWish | undefined>;
  /** Changes with every wish; cheap. */
  lastWish(): Promise<string>;
  /** By model. */
  modelWishes(): Promise<ReadonlyMap<string, ModelWish>>;
};

const REPORT_MS = 60_000;
/** Holds the last wish's id; no model is called so. */
const LAST = '';

/** What cannot be read is of another version, and counts as not there. */
function read<T>(schema: { safeParse(value: unknown): { data?: T } }, text: string | null | undefined): T | undefined {
  if (!text) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

export function createRepository(settings: QueueSettings): Repository {
  const { commands, prefix } = settings;
  const wishes = wishesKey(prefix);
  async function leftIn(queue: string): Promise<number> {
    const { depth, active, delayed, completed, failed } = await countJobs(settings, queue);
    const tombs = await commands.zcard(`${extraBase(prefix, queue)}tombs`);
    return depth + active + delayed + completed + failed + tombs;
  }
  return {
    registered: async (queue) => read(modelSchema, await commands.hget(queuesKey(prefix), queue)),
    leftIn,
    async forget(model, left) {
      const queue = queueName(model.name, model.version);
      if ((left ?? (await leftIn(queue))) > 0) return;
      const now = read(modelSchema, await commands.hget(queuesKey(prefix), queue));
      // Announced in this very moment, it would be missing until the next sign of life of its worker: a second.
      if (now?.withdrawn)
        await Promise.all([commands.hdel(queuesKey(prefix), queue), commands.hdel(detailsKey(prefix), queue)]);
    },
    async reportRepository(worker, report) {
      await commands.set(repositoryKey(prefix, worker), JSON.stringify(report), 'PX', REPORT_MS);
    },
    async repositoryReports(workers) {
      if (workers.length === 0) return new Map();
      const texts = await commands.mget(workers.map((worker) => repositoryKey(prefix, worker)));
      const found = workers.flatMap((worker, i) => {
        const report = read(repositoryReportSchema, texts[i]);
        return report ? [[worker, report] as const] : [];
      });
      return new Map(found);
    },
    async wishModel(model, wish) {
      const [known, is] = await Promise.all([commands.hlen(wishes), commands.hexists(wishes, model)]);
      if (known > MOST_WISHES && is === 0) return false;
      await commands.hset(wishes, model, JSON.stringify(wish), LAST, wish.id);
      return true;
    },
    modelWish: async (model) => read(modelWishSchema, await commands.hget(wishes, model)),
    lastWish: async () => (await commands.hget(wishes, LAST)) ?? '',
    async modelWishes() {
      const all = Object.entries(await commands.hgetall(wishes));
      const found = all.flatMap(([model, text]) => {
        const wish = model === LAST ? undefined : read(modelWishSchema, text);
        return wish ? [[model, wish] as const] : [];
      });
      return new Map(found);
    },
  };
}
