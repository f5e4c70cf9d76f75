/** Who asks for what in the memory suite: several models, both forms, all classes, all the ways that a job may take. */
import type { JobKind, OfferedJobs } from '../load/job-load.ts';
import type { OfferedClass } from '../load/mixed-load.ts';
import type { Form, InputSpec, RequestMix, RequestSpec } from '../load/requests.ts';
import { ROW_SHAPE, type BenchModel } from '../model-rows.ts';
import { withClass } from '../overload/offered-load.ts';

const row = (model: BenchModel, form: Form, rows = 1): RequestSpec => ({
  model,
  form,
  inputs: [{ name: 'INPUT', datatype: 'FP32', shape: [rows, ...ROW_SHAPE[model]] }],
});
const text = (form: Form, length: number): RequestSpec => {
  const input: InputSpec = { name: 'TOKEN_IDS', datatype: 'INT64', shape: [1, length] };
  return { model: 'text-tagger', form, inputs: [input] };
};

type Kind = {
  readonly share: number;
  readonly priority: string;
  readonly spec: RequestSpec;
  /** Of so many requests one repeats what its connection sent before, so that the cache has something to keep; 0 = none. */
  readonly repeatEvery?: number;
};

/** `heavy` is most of the work, so that the load costs about a core and not all that there is. */
const SYNCHRONOUS: readonly Kind[] = [
  { share: 26, priority: 'normal', spec: row('heavy', 'binary') },
  { share: 14, priority: 'low', spec: row('heavy', 'json') },
  { share: 6, priority: 'high', spec: row('heavy', 'binary') },
  { share: 12, priority: 'normal', spec: row('mid', 'json') },
  { share: 9, priority: 'critical', spec: row('mid', 'binary') },
  { share: 3, priority: 'normal', spec: row('mid', 'binary', 4) },
  { share: 3, priority: 'low', spec: row('cnn', 'json') },
  { share: 6, priority: 'normal', spec: row('cnn', 'binary') },
  { share: 8, priority: 'normal', spec: text('json', 20), repeatEvery: 3 },
  { share: 5, priority: 'high', spec: text('binary', 90), repeatEvery: 3 },
  { share: 2, priority: 'low', spec: text('json', 600) },
];
const JOBS: readonly (Kind & { readonly kind: JobKind })[] = [
  { kind: 'fetched', share: 1, priority: 'normal', spec: row('mid', 'json') },
  { kind: 'fetched', share: 1, priority: 'low', spec: text('json', 120) },
  { kind: 'abandoned', share: 1, priority: 'normal', spec: row('cnn', 'binary') },
  { kind: 'cancelled', share: 1, priority: 'low', spec: row('heavy', 'binary') },
  { kind: 'hung up', share: 1, priority: 'normal', spec: row('cnn', 'json') },
  { kind: 'bad', share: 1, priority: 'normal', spec: row('mid', 'json') },
];
const TOTAL = [...SYNCHRONOUS, ...JOBS].reduce((sum, { share }) => sum + share, 0);
const TIMEOUT_MS = 10_000;

/** What capacity is measured with: every kind in turn, as often as its share says. */
export function capacityMix(): RequestMix {
  const turns = Math.max(...SYNCHRONOUS.map(({ share }) => share));
  const specs = Array.from({ length: turns }, (_, turn) =>
    // Spread over the turns, so that no kind comes in one block.
    SYNCHRONOUS.filter(({ share }) => Math.floor(((turn + 1) * share) / turns) > Math.floor((turn * share) / turns)),
  );
  return { specs: specs.flat().map(({ spec }) => spec), repeatEvery: 0 };
}

/** @param rate of all requests, a second */
export function offeredMix(rate: number): { classes: OfferedClass[]; jobs: OfferedJobs[] } {
  return {
    classes: SYNCHRONOUS.map(({ share, priority, spec, repeatEvery = 0 }) => ({
      name: `${spec.model}.${spec.form}.${priority}`,
      rate: (rate * share) / TOTAL,
      timeoutMs: TIMEOUT_MS,
      spec: withClass(spec, priority, TIMEOUT_MS),
      repeatEvery,
    })),
    jobs: JOBS.map(({ kind, share, priority, spec }) => ({
      kind,
      rate: (rate * share) / TOTAL,
      spec: withClass(spec, priority, TIMEOUT_MS),
    })),
  };
}
