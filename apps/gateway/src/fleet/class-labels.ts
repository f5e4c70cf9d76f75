/** Labels of classes, read from Redis when they are first asked for and kept while the model's details stay as they are. */
import type { Model } from '@batchyard/shared/contract/model';
import type { ModelDetails } from '@batchyard/shared/contract/model-details';

type Labels = ModelDetails['labels'];
type Asked = { readonly model: Model; readonly queue: string };

/** A label file has a megabyte at most. */
const KEPT_MODELS = 32;

/** @param details of a queue; whatever it throws is thrown */
export function createClassLabels(details: (queue: string) => Promise<ModelDetails | undefined>) {
  const kept = new Map<string, { readonly mark: string; readonly labels: Labels }>();
  return async ({ model, queue }: Asked): Promise<Labels | undefined> => {
    const mark = model.details;
    if (mark === undefined) return undefined;
    const known = kept.get(queue);
    if (known?.mark === mark) return known.labels;
    const labels = (await details(queue))?.labels ?? {};
    kept.delete(queue);
    kept.set(queue, { mark, labels });
    for (const oldest of kept.keys()) {
      if (kept.size <= KEPT_MODELS) break;
      kept.delete(oldest);
    }
    return labels;
  };
}
