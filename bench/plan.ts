/** How long everything is measured: the full plan for figures worth telling, the quick one to see that all of it works. */
import type { BenchModel } from './model-rows.ts';
import type { Form } from './load/requests.ts';

export type HttpCase = { readonly model: BenchModel; readonly forms: readonly Form[]; readonly connections: number };

export type Plan = {
  readonly queue: {
    readonly rounds: number;
    /** Long enough that finished jobs begin to lapse. */
    readonly warmupMs: number;
    readonly measureMs: number;
    readonly keepS: number;
  };
  readonly http: {
    readonly rounds: number;
    /** Before the first round, per system and form. */
    readonly firstWarmupMs: number;
    readonly warmupMs: number;
    readonly measureMs: number;
    /** Time for raw onnxruntime: per batch size once, and in every round. */
    readonly rawSweepMs: number;
    readonly rawMs: number;
    /** Of `mid` last: the latency suite goes on with the systems that serve it. */
    readonly cases: readonly HttpCase[];
    /** Cases that the textbook design runs too, as `model:connections`; `all` for every one. */
    readonly textbook: readonly string[] | 'all';
  };
  readonly latency: {
    readonly rounds: number;
    readonly seconds: number;
    /** 0: not measured. */
    readonly textbookSeconds: number;
    readonly rawRuns: number;
    readonly warmupS: number;
  };
  /** Of each turn of each generator; whole seconds. */
  readonly generator: { readonly rounds: number; readonly seconds: number };
  /** `warmupS` of a closed loop before, `seconds` of each real run. */
  readonly capacity: { readonly rounds: number; readonly seconds: number; readonly warmupS: number };
  readonly overload: {
    readonly capacity: { readonly warmupMs: number; readonly ms: number; readonly count: number };
    /** Of the offered load to the capacity; 0.7 is what the others' latencies are compared with. */
    readonly factors: readonly number[];
    readonly seconds: number;
    readonly probeMs: number;
  };
  readonly cost: {
    readonly rounds: number;
    readonly warmupMs: number;
    readonly measureMs: number;
    readonly depths: readonly number[];
    readonly kept: readonly number[];
    readonly workers: readonly number[];
  };
  readonly fill: { readonly workers: readonly number[]; readonly warmupMs: number; readonly seconds: number };
  /** Per strategy and load. */
  readonly strategies: { readonly rounds: number; readonly warmupMs: number; readonly measureMs: number };
  readonly memory: {
    readonly capacity: { readonly warmupMs: number; readonly ms: number; readonly count: number };
    /** Under load before the first sample, and from it to the last. */
    readonly warmupS: number;
    readonly minutes: number;
    /** Requests a second that are offered; seven tenths of the measured capacity where it is not given. */
    readonly rate?: number;
    readonly sampleMs: number;
    /** How long results, their tombstones and what the cache keeps stay. */
    readonly retentionS: number;
  };
  /** Per strategy, load and fleet. */
  readonly balance: { readonly warmupMs: number; readonly measureMs: number };
  readonly control: {
    readonly workers: number;
    readonly rounds: number;
    readonly warmupMs: number;
    readonly measureMs: number;
  };
  readonly cache: {
    /** Of repeated inputs: how many there are, and how much rarer each is than the one before. */
    readonly exponent: number;
    readonly inputs: number;
    /** Of kept results in the gateway: `mid` needs some 800 bytes for one. */
    readonly memoryBytes: number;
    readonly zipfRounds: number;
    readonly zipfMs: number;
    readonly uniqueRounds: number;
    /** Of each of the two turns that a gateway has in a round. */
    readonly uniqueMs: number;
    readonly firstWarmupMs: number;
    readonly warmupMs: number;
  };
  /** Of each turn of each system. */
  readonly peers: {
    readonly rounds: number;
    readonly firstWarmupMs: number;
    readonly warmupMs: number;
    readonly measureMs: number;
    readonly models: readonly BenchModel[];
    readonly connections: number;
    /** Open loop of few requests. */
    readonly calmSeconds: number;
  };
  readonly floor: { readonly warmupMs: number; readonly measureMs: number };
};

const FORMS = ['json', 'binary'] as const;
const CONNECTIONS = [1, 8, 64, 256];

const full: Plan = {
  queue: { rounds: 5, warmupMs: 2500, measureMs: 4000, keepS: 2 },
  http: {
    rounds: 3,
    firstWarmupMs: 3000,
    warmupMs: 700,
    measureMs: 2500,
    rawSweepMs: 400,
    rawMs: 1000,
    cases: (['mlp', 'cnn', 'mid'] as const).flatMap((model) =>
      CONNECTIONS.map((connections) => ({ model, forms: FORMS, connections })),
    ),
    textbook: 'all',
  },
  latency: { rounds: 3, seconds: 20, textbookSeconds: 10, rawRuns: 200, warmupS: 2 },
  generator: { rounds: 5, seconds: 8 },
  capacity: { rounds: 3, seconds: 30, warmupS: 8 },
  overload: {
    capacity: { warmupMs: 2000, ms: 2000, count: 6 },
    factors: [0.5, 0.7, 1, 2, 5, 10],
    seconds: 60,
    probeMs: 10_000,
  },
  cost: {
    rounds: 3,
    warmupMs: 1500,
    measureMs: 3000,
    depths: [10, 100, 1000, 10_000, 100_000],
    kept: [0, 10_000, 100_000],
    workers: [1, 2, 4, 8],
  },
  fill: { workers: [1, 2, 4, 8], warmupMs: 10_000, seconds: 15 },
  strategies: { rounds: 5, warmupMs: 700, measureMs: 10_000 },
  memory: {
    capacity: { warmupMs: 5000, ms: 2000, count: 4 },
    warmupS: 180,
    minutes: 10,
    sampleMs: 5000,
    retentionS: 60,
  },
  balance: { warmupMs: 1500, measureMs: 8000 },
  control: { workers: 8, rounds: 6, warmupMs: 1000, measureMs: 5000 },
  cache: {
    exponent: 1.1,
    inputs: 10_000,
    memoryBytes: 1_048_576,
    zipfRounds: 3,
    zipfMs: 12_000,
    uniqueRounds: 7,
    uniqueMs: 2000,
    firstWarmupMs: 8000,
    warmupMs: 300,
  },
  peers: {
    rounds: 3,
    firstWarmupMs: 4000,
    warmupMs: 700,
    measureMs: 3000,
    models: ['mid', 'mlp'],
    connections: 64,
    calmSeconds: 5,
  },
  floor: { warmupMs: 2000, measureMs: 10_000 },
};

const quick: Plan = {
  queue: { rounds: 1, warmupMs: 1400, measureMs: 1500, keepS: 1 },
  http: {
    rounds: 2,
    firstWarmupMs: 900,
    warmupMs: 400,
    measureMs: 800,
    rawSweepMs: 80,
    rawMs: 300,
    cases: [
      { model: 'mlp', forms: ['json'], connections: 64 },
      { model: 'mid', forms: FORMS, connections: 64 },
    ],
    textbook: ['mid:64'],
  },
  latency: { rounds: 1, seconds: 4, textbookSeconds: 0, rawRuns: 100, warmupS: 0.5 },
  generator: { rounds: 2, seconds: 3 },
  capacity: { rounds: 1, seconds: 6, warmupS: 3 },
  overload: { capacity: { warmupMs: 400, ms: 600, count: 2 }, factors: [0.7, 5, 10], seconds: 3, probeMs: 1200 },
  cost: { rounds: 1, warmupMs: 400, measureMs: 500, depths: [10, 5000], kept: [0, 5000], workers: [1, 4] },
  fill: { workers: [1, 4], warmupMs: 500, seconds: 2 },
  strategies: { rounds: 2, warmupMs: 400, measureMs: 1500 },
  memory: {
    capacity: { warmupMs: 400, ms: 600, count: 2 },
    warmupS: 5,
    minutes: 0.2,
    sampleMs: 500,
    retentionS: 3,
  },
  balance: { warmupMs: 500, measureMs: 1500 },
  control: { workers: 3, rounds: 1, warmupMs: 500, measureMs: 1500 },
  cache: {
    exponent: 1.1,
    inputs: 3000,
    memoryBytes: 1_048_576,
    zipfRounds: 1,
    zipfMs: 6000,
    uniqueRounds: 3,
    uniqueMs: 600,
    firstWarmupMs: 1000,
    warmupMs: 200,
  },
  peers: {
    rounds: 1,
    firstWarmupMs: 1000,
    warmupMs: 300,
    measureMs: 1000,
    models: ['mid'],
    connections: 64,
    calmSeconds: 3,
  },
  floor: { warmupMs: 500, measureMs: 2000 },
};

/** So much of a long run is its warm-up: a heap takes its time to grow to its working size. */
const WARMUP_SHARE = 1 / 6;

/** What is asked for of the memory suite, where the plan's own is not meant. */
export type MemoryWishes = { readonly minutes: number | undefined; readonly rate: number | undefined };

export function planFor(isQuick: boolean, { minutes, rate }: Partial<MemoryWishes> = {}): Plan {
  const plan = isQuick ? quick : full;
  const memory = rate === undefined ? plan.memory : { ...plan.memory, rate };
  if (minutes === undefined) return { ...plan, memory };
  return { ...plan, memory: { ...memory, minutes, warmupS: Math.max(memory.warmupS, 60 * minutes * WARMUP_SHARE) } };
}
