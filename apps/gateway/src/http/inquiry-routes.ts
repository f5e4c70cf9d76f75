/** What a client may ask of models, as the Open Inference Protocol and Triton's extensions have it: never on the hot path. */
import type { Model } from '@batchyard/shared/contract/model';
import type { ModelDetails } from '@batchyard/shared/contract/model-details';

import { modelMetadata, modelReadyBody } from '../protocol/metadata.ts';
import { modelConfig } from '../protocol/model-config.ts';
import { modelStatistics, type Counters } from '../protocol/statistics.ts';
import { lookUp, type ModelLookup } from './infer-route.ts';
import type { ModelPath } from './paths.ts';

type Served = { readonly model: Model; readonly queue: string };

export type InquiryDesk = {
  readonly models: ModelLookup & {
    /** Of a model, those to show. */
    versions(name: string): string[];
  };
  /** Every version of every model. */
  readonly served: () => readonly Served[];
  readonly details: (queue: string) => Promise<ModelDetails | undefined>;
  /** The counters of a queue. */
  readonly statistics: (queue: string) => Promise<Counters>;
};

type Told = { readonly status: number; readonly body: object };
/** @throws Failure model_not_found, queue_unavailable */
type Inquiry = (path: ModelPath) => Told | Promise<Told>;

export function createInquiries({ models, served, details, statistics }: InquiryDesk) {
  const statisticsOf = async (asked: readonly Served[]): Promise<Told> => ({
    status: 200,
    body: {
      model_stats: await Promise.all(
        asked.map(async ({ model, queue }) => modelStatistics(model, await statistics(queue))),
      ),
    },
  });

  /** By what stands behind the model in the path. */
  const ofModel: ReadonlyMap<string, Inquiry> = new Map<string, Inquiry>([
    [
      '',
      (path) => {
        const { model } = lookUp(models, path);
        // A version that is asked for is described alone.
        const versions = path.version === undefined ? models.versions(path.model) : [model.version];
        return { status: 200, body: modelMetadata(model, versions) };
      },
    ],
    [
      '/ready',
      (path) => {
        const { model, workers } = lookUp(models, path);
        return { status: workers > 0 ? 200 : 503, body: modelReadyBody(model.name, workers > 0) };
      },
    ],
    [
      '/config',
      async (path) => {
        const { model, queue } = lookUp(models, path);
        return { status: 200, body: modelConfig(model, (await details(queue))?.config) };
      },
    ],
    [
      '/stats',
      (path) => {
        const { model } = lookUp(models, path);
        const versions = served().filter((one) => one.model.name === model.name);
        return statisticsOf(
          path.version === undefined ? versions : versions.filter((one) => one.model.version === path.version),
        );
      },
    ],
  ]);
  return { ofModel, ofAll: () => statisticsOf(served()) };
}
