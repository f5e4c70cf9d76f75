/** Paths of the public listener, matched byte by byte as they came: nothing is normalised, so nothing can be smuggled. */
import { JOB_ID } from '@batchyard/shared/contract/job';
import { MODEL_NAME } from '@batchyard/shared/contract/model';

export type ModelPath = { readonly model: string; readonly version: string | undefined; readonly rest: string };

const MODEL_PATH = /^\/(?:v2|v1)\/models\/([^/]+)(?:\/versions\/([^/]+))?(\/[^?]*)?$/;
const JOB_PATH = /^\/v1\/jobs\/([^/]+)(\/result|\/retry|\/events|\/webhook)?$/;

/** A percent-encoded name, decoded once; undefined when it is no safe name. */
function name(text: string): string | undefined {
  try {
    const decoded = decodeURIComponent(text);
    return MODEL_NAME.test(decoded) ? decoded : undefined;
  } catch {
    return undefined;
  }
}

export const pathOf = (url: string): string => {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
};

/** @returns the parts, or `unsafe` for a path of that form whose names cannot exist */
export function matchModel(path: string): ModelPath | 'unsafe' | undefined {
  const found = MODEL_PATH.exec(path);
  if (!found) return undefined;
  const model = name(found[1] ?? '');
  const version = found[2] === undefined ? undefined : name(found[2]);
  if (model === undefined || (found[2] !== undefined && version === undefined)) return 'unsafe';
  return { model, version, rest: found[3] ?? '' };
}

type JobPart = 'result' | 'retry' | 'events' | 'webhook' | undefined;

export function matchJob(path: string): { id: string; part: JobPart } | undefined {
  const found = JOB_PATH.exec(path);
  if (!found) return undefined;
  return {
    id: JOB_ID.test(found[1] ?? '') ? (found[1] as string) : '',
    part: found[2]?.slice(1) as JobPart,
  };
}
