/** Why models, or versions of them, are not served as their files are now. Each reason is told once. */
import { queueName } from '@batchyard/shared/contract/model';
import { LONGEST_REASON, type RepositoryLine } from '@batchyard/shared/contract/repository';

/** Without a version it is of the whole model; `stamp`: of the definition that could not be loaded. */
export type ModelProblem = {
  readonly model: string;
  readonly version?: string;
  readonly sentence: string;
  readonly stamp?: string;
};

export type ModelProblems = {
  set(problem: ModelProblem, error?: unknown): void;
  clear(key: string): void;
  /** Of a model all but those with these keys are over. */
  keepOnly(model: string, keys: ReadonlySet<string>): void;
  /** Whether the same definition failed lately. */
  failedLately(key: string, stamp: string): boolean;
  /** '' where there is none; what is wrong with the whole model is wrong with each of its versions. */
  reasonOf(model: string, version: string): string;
  names(): string[];
  /** Those whose keys are not among these. */
  lines(others: { readonly keys: ReadonlySet<string>; readonly names: ReadonlySet<string> }): RepositoryLine[];
};

type Parts = { readonly tell: (problem: ModelProblem, error: unknown) => void; readonly now: () => number };

/** What could not be loaded is tried again without having changed. */
const TRY_AGAIN_MS = 60_000;

/** The queue of a version, or the name of the model. */
export const keyOf = (model: string, version: string | undefined): string =>
  version === undefined ? model : queueName(model, version);

export function createModelProblems({ tell, now }: Parts): ModelProblems {
  const known = new Map<string, ModelProblem & { readonly atMs: number }>();
  return {
    set(problem, error) {
      const key = keyOf(problem.model, problem.version);
      const before = known.get(key);
      known.set(key, { ...problem, atMs: now() });
      if (before?.sentence !== problem.sentence || before.stamp !== problem.stamp) tell(problem, error);
    },
    clear: (key) => void known.delete(key),
    keepOnly(model, keys) {
      for (const [key, one] of known) if (one.model === model && !keys.has(key)) known.delete(key);
    },
    failedLately(key, stamp) {
      const before = known.get(key);
      return before?.stamp === stamp && now() - before.atMs < TRY_AGAIN_MS;
    },
    reasonOf: (model, version) =>
      (known.get(keyOf(model, version)) ?? known.get(model))?.sentence.slice(0, LONGEST_REASON) ?? '',
    names: () => Array.from(known.values(), ({ model }) => model),
    lines: ({ keys, names }) =>
      [...known].flatMap(([key, { model: name, version, sentence }]): RepositoryLine[] => {
        // What is wrong with a model is told with its versions, where some of them serve.
        if (version === undefined ? names.has(name) : keys.has(key)) return [];
        const which = version === undefined ? {} : { version };
        return [{ name, ...which, state: 'UNAVAILABLE', reason: sentence.slice(0, LONGEST_REASON) }];
      }),
  };
}
