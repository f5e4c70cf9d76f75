/** From flags to a load test: what is sent, how often, and what it must reach. Asks the system for its models. */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';

import { parseThreshold, parseThresholds, type Threshold } from '@batchyard/loadtest/judge/thresholds';
import { FORMS, type LoadPlan, type RequestKind, type Step } from '@batchyard/loadtest/plan/load-plan';
import { closedStep, rampStep, steadyStep, type Lengths } from '@batchyard/loadtest/plan/make-steps';
import { ARRIVALS, type Arrivals } from '@batchyard/loadtest/plan/schedule';
import { parseTrace } from '@batchyard/loadtest/plan/trace';
import type { LoadTest } from '@batchyard/loadtest/run-load-test';
import { shapeOf, type System } from '@batchyard/loadtest/system/ask-system';

import {
  readMixed,
  readNumber,
  readNumbers,
  readRamp,
  readShape,
  readShare,
  type Mixed,
  type Range,
} from './read-flags.ts';

export type LoadFlags = {
  readonly model?: readonly string[];
  readonly rate?: string;
  readonly ramp?: string;
  readonly sweep?: string;
  readonly concurrency?: string;
  readonly trace?: string;
  readonly speed: string;
  readonly arrivals: string;
  readonly seconds?: string;
  readonly warmup?: string;
  readonly form: string;
  readonly rows: string;
  readonly length: string;
  readonly shape?: readonly string[];
  readonly input?: string;
  readonly repeats: string;
  readonly deadline: string;
  readonly connections: string;
  readonly generators?: string;
  readonly seed: string;
  readonly threshold?: readonly string[];
  readonly thresholds?: string;
  readonly slo?: readonly string[];
  readonly refine: string;
};

const RATE: Range = { least: 0.01, most: 1_000_000 };
const SECONDS: Range = { least: 0.1, most: 86_400 };
const MOST_THREADS = 64;
/** What one generator thread sends without being late, with room to spare. */
const RATE_A_THREAD = 3_000;
/** Without any flag: a search for the capacity and five steps, about half a minute. */
const USUAL: Lengths = { warmupS: 0.5, seconds: 3.5 };
const ASKED: Lengths = { warmupS: 1, seconds: 10 };

function chosen<T extends string>(flag: string, text: string, among: readonly T[]): T {
  const found = among.find((one) => one === text);
  if (found === undefined) throw new Error(`${flag} is "${text}": there are ${among.join(', ')}`);
  return found;
}

/** The shipped example where it is served, else the first there is. */
async function usualModel(system: System): Promise<string> {
  const models = await system.models();
  const model = models.includes('simple') ? 'simple' : models[0];
  if (model === undefined) throw new Error('the system tells no model that is ready: name one with --model');
  return model;
}

/** One JSON body, or one a line. */
async function bodiesOf(file: string): Promise<string[]> {
  const text = (await readFile(file, 'utf8')).trim();
  const isJson = (one: string): boolean => {
    try {
      return typeof JSON.parse(one) === 'object';
    } catch {
      return false;
    }
  };
  const bodies = isJson(text)
    ? [JSON.stringify(JSON.parse(text))]
    : text.split('\n').filter((line) => line.trim() !== '');
  const wrong = bodies.findIndex((one) => !isJson(one));
  if (wrong >= 0 || bodies.length === 0)
    throw new Error(`${file} has no JSON body of an infer request in line ${wrong + 1}`);
  return bodies;
}

type KindFlags = Pick<LoadFlags, 'model' | 'form' | 'rows' | 'length' | 'shape' | 'input'>;

/** @throws Error that names a flag, or what the system does not serve */
export async function kindsOf(flags: KindFlags, system: System): Promise<RequestKind[]> {
  const mixed: Mixed[] = (flags.model ?? [await usualModel(system)]).map(readMixed);
  const form = chosen('--form', flags.form, FORMS);
  const given = new Map((flags.shape ?? []).map(readShape));
  const rows = readNumber('--rows', flags.rows, { least: 1, most: 4_096, whole: true });
  const length = readNumber('--length', flags.length, { least: 1, most: 1_000_000, whole: true });
  const bodies = flags.input === undefined ? undefined : await bodiesOf(flags.input);
  const kinds: RequestKind[] = [];
  for (const one of mixed) {
    const { inputs } = await system.inputs(one.model, one.version);
    const specs = inputs.map((input) => shapeOf(input, { rows, length, given }));
    kinds.push({ ...one, form, inputs: specs, ...(bodies ? { bodies } : {}) });
  }
  return kinds;
}

const lengthsOf = ({ seconds, warmup }: LoadFlags, usual: Lengths): Lengths => ({
  seconds: seconds === undefined ? usual.seconds : readNumber('--seconds', seconds, SECONDS),
  warmupS: warmup === undefined ? usual.warmupS : readNumber('--warmup', warmup, { least: 0, most: 3_600 }),
});

async function traceStep(file: string, kinds: readonly RequestKind[], speed: string): Promise<Step> {
  const { timesMs, kinds: named } = parseTrace(await readFile(file, 'utf8'));
  const indexes = named.map((name) => (name === undefined ? 0 : kinds.findIndex((kind) => kind.name === name)));
  const strange = indexes.indexOf(-1);
  if (strange >= 0) throw new Error(`the trace has the kind ${named[strange]}: name it with --model`);
  const byName = named.some((name) => name !== undefined);
  return {
    name: `trace ${file.replace(/^.*\//, '')}`,
    mode: 'trace',
    warmupS: 0,
    timesMs,
    speed: readNumber('--speed', speed, { least: 0.001, most: 1_000 }),
    ...(byName ? { kinds: indexes } : {}),
  };
}

/** Undefined where no flag says what to send: the capacity is looked for. */
async function stepsOf(
  flags: LoadFlags,
  kinds: readonly RequestKind[],
  { arrivals, lengths }: { arrivals: Arrivals; lengths: Lengths },
): Promise<Step[] | undefined> {
  const { rate, ramp, sweep, concurrency, trace, speed } = flags;
  const steps: Step[] = [];
  if (rate !== undefined) steps.push(steadyStep(readNumber('--rate', rate, RATE), arrivals, lengths));
  if (sweep !== undefined)
    steps.push(...readNumbers('--sweep', sweep, RATE).map((one) => steadyStep(one, arrivals, lengths)));
  if (ramp !== undefined) {
    const [from, to] = readRamp(ramp, RATE);
    steps.push(rampStep(from, to, arrivals, lengths));
  }
  if (concurrency !== undefined)
    for (const clients of readNumbers('--concurrency', concurrency, { least: 1, most: 10_000, whole: true }))
      steps.push(closedStep(clients, lengths));
  if (trace !== undefined) steps.push(await traceStep(trace, kinds, speed));
  return steps.length === 0 ? undefined : steps;
}

/** The most requests a second of any step; 0 of closed loops alone. */
const highestRate = (steps: readonly Step[]): number =>
  Math.max(
    0,
    ...steps.flatMap((step) => (step.mode === 'open' ? step.stretches.flatMap(({ from, to }) => [from, to]) : [])),
  );

function generatorsFor(asked: string | undefined, steps: readonly Step[]): number {
  if (asked !== undefined) return readNumber('--generators', asked, { least: 1, most: MOST_THREADS, whole: true });
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(highestRate(steps) / RATE_A_THREAD)));
}

async function thresholdsOf({ threshold = [], thresholds }: LoadFlags): Promise<Threshold[]> {
  const ofFile = thresholds === undefined ? [] : parseThresholds(await readFile(thresholds, 'utf8'));
  return [...threshold.map(parseThreshold), ...ofFile];
}

/** @param nowMs numbers the inputs, so that no earlier run has sent the same. @throws Error that names a flag */
export async function makeTest(flags: LoadFlags, system: System, nowMs: number): Promise<LoadTest> {
  const kinds = await kindsOf(flags, system);
  const arrivals = chosen('--arrivals', flags.arrivals, ARRIVALS);
  const timed = [flags.rate, flags.ramp, flags.sweep, flags.concurrency, flags.trace].some((one) => one !== undefined);
  const lengths = lengthsOf(flags, timed ? ASKED : USUAL);
  const steps = await stepsOf(flags, kinds, { arrivals, lengths });
  const plan: LoadPlan = {
    target: system.target,
    kinds,
    repeats: readShare('--repeats', flags.repeats),
    timeoutMs: readNumber('--deadline', flags.deadline, { least: 1, most: 3_600_000, whole: true }),
    maxConnections: readNumber('--connections', flags.connections, { least: 1, most: 20_000, whole: true }),
    generators: generatorsFor(flags.generators, steps ?? []),
    seed: readNumber('--seed', flags.seed, { least: 0, most: 2 ** 31, whole: true }),
    stampFrom: nowMs % 1e9,
  };
  const slo = (flags.slo ?? []).map(parseThreshold);
  return {
    plan,
    steps,
    arrivals,
    lengths,
    thresholds: await thresholdsOf(flags),
    slo,
    refine: readNumber('--refine', flags.refine, { least: 0, most: 20, whole: true }),
  };
}
