/**
 * The model repository of the whole cluster, as its workers tell of it. To load or unload a model is a wish that stands in
 * Redis: every worker under explicit control follows it, also one that starts later. Whoever wished waits until all that
 * live have, for a while.
 */
import { randomBytes } from 'node:crypto';

import { Failure } from '@batchyard/shared/contract/failure';
import type { ModelWish, RepositoryLine, RepositoryReport } from '@batchyard/shared/contract/repository';

import { loadProblem, mergeReports } from '../protocol/repository-index.ts';

type RepositoryDesk = {
  index(onlyReady: boolean): Promise<RepositoryLine[]>;
  /** @param config as JSON, in place of the one in the repository; @throws Failure */
  load(model: string, config: string | undefined): Promise<void>;
  /** @throws Failure */
  unload(model: string): Promise<void>;
};

type Parts = {
  readonly queue: {
    repositoryReports(workers: readonly string[]): Promise<ReadonlyMap<string, RepositoryReport>>;
    wishModel(model: string, wish: ModelWish): Promise<boolean>;
    modelWish(model: string): Promise<ModelWish | undefined>;
  };
  readonly fleet: {
    refresh(): Promise<void>;
    serving(): readonly { readonly heartbeat: { readonly id: string } }[];
    model(name: string): { readonly workers: number } | undefined;
  };
  readonly limitMs: number;
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
};

const LOOK_MS = 50;
/** How long the workers' word may take to become what this gateway goes by. */
const SETTLE_MS = 5_000;

export function createRepositoryDesk({ queue, fleet, limitMs, now, pause }: Parts): RepositoryDesk {
  const serving = (): string[] => fleet.serving().map(({ heartbeat }) => heartbeat.id);
  async function reports(): Promise<RepositoryReport[]> {
    return [...(await queue.repositoryReports(serving())).values()];
  }
  const followers = (all: readonly RepositoryReport[]): RepositoryReport[] =>
    all.filter(({ control }) => control === 'explicit');

  async function untilMet(met: () => Promise<boolean> | boolean, forMs: number): Promise<boolean> {
    const since = now();
    while (!(await met())) {
      if (now() - since > forMs) return false;
      await pause(LOOK_MS);
    }
    return true;
  }

  /** @returns what those tell that have followed the wish, or the one that has come after it */
  async function wish(model: string, load: boolean, config?: string): Promise<RepositoryReport[]> {
    await fleet.refresh();
    const all = await reports();
    if (all.length === 0) throw new Failure('model_not_ready', 'no worker serves now', { retryAfterS: 1 });
    if (followers(all).length === 0)
      throw new Failure('bad_request', 'explicit model load / unload is not allowed if polling is enabled');
    const own: ModelWish = { load, id: randomBytes(8).toString('hex'), ...(config === undefined ? {} : { config }) };
    if (!(await queue.wishModel(model, own)))
      throw new Failure('bad_request', `failed to ${load ? 'load' : 'unload'} '${model}', there are too many models`);
    let done: RepositoryReport[] = [];
    await untilMet(async () => {
      const latest = (await queue.modelWish(model))?.id ?? own.id;
      await fleet.refresh();
      const living = followers(await reports());
      done = living.filter(({ obeyed }) => obeyed.includes(latest) || obeyed.includes(own.id));
      return living.length > 0 && done.length === living.length;
    }, limitMs);
    return done;
  }
  /** What the workers have told, this gateway goes by before the answer is given. */
  async function settled(met: () => boolean): Promise<void> {
    await untilMet(async () => {
      await fleet.refresh();
      return met();
    }, SETTLE_MS);
  }

  return {
    async index(onlyReady) {
      const all = mergeReports(await reports());
      return onlyReady ? all.filter(({ state }) => state === 'READY') : all;
    },
    async load(model, config) {
      const done = await wish(model, true, config);
      const problems = done.map((report) => loadProblem(report, model)).filter((one) => one !== undefined);
      const problem = done.length === 0 ? 'no worker has answered in time' : problems[0];
      if (problem !== undefined) {
        const where = problems.length < done.length ? ` (${problems.length} of ${done.length} workers)` : '';
        throw new Failure('bad_request', `failed to load '${model}', ${problem}${where}`);
      }
      await settled(() => (fleet.model(model)?.workers ?? 0) > 0);
    },
    async unload(model) {
      const known = (await reports()).some(({ models }) => models.some(({ name }) => name === model));
      if (!known && fleet.model(model) === undefined) {
        const all = await reports();
        if (followers(all).length > 0)
          throw new Failure('bad_request', `failed to unload '${model}', there is no such model`);
      }
      const done = await wish(model, false);
      if (done.length === 0)
        throw new Failure('bad_request', `failed to unload '${model}', no worker has answered in time`);
      await settled(() => fleet.model(model) === undefined);
    },
  };
}
