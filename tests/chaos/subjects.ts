/** Models whose answers can be told from the seed of their input: no two seeds have the same one. Pure. */
import type { Expected } from './history.ts';

type Subject = {
  body(seed: number): unknown;
  answer(seed: number): readonly (readonly number[])[];
};

const wholeNumbers = (seed: number): number[] => Array.from({ length: 16 }, (_, i) => (seed % 100_000_000) * 16 + i);
const four = (seed: number): number[] => [seed % 4_000_000, (seed % 4_000_000) + 0.25, -1, 0.5];

const SUBJECTS: Readonly<Record<string, Subject>> = {
  /** Sum and difference of two rows of integers. */
  simple: {
    body: (seed) => ({
      inputs: [
        { name: 'INPUT0', shape: [1, 16], datatype: 'INT32', data: wholeNumbers(seed) },
        { name: 'INPUT1', shape: [1, 16], datatype: 'INT32', data: wholeNumbers(seed).map((v) => v % 7) },
      ],
    }),
    answer: (seed) => [wholeNumbers(seed).map((v) => v + (v % 7)), wholeNumbers(seed).map((v) => v - (v % 7))],
  },
  /** Twice its input, after about 5 ms, so that something is always running. */
  slow: {
    body: (seed) => ({ inputs: [{ name: 'INPUT0', shape: [1, 4], datatype: 'FP32', data: four(seed) }] }),
    answer: (seed) => [four(seed).map((v) => 2 * v)],
  },
  /** Every seed asks for more memory than any machine has, so that the run throws. */
  busy: {
    body: (seed) => ({ inputs: [{ name: 'WORK', shape: [1, 1], datatype: 'FP32', data: [1e9 + 1_000 * seed] }] }),
    answer: () => [],
  },
  /** Every seed is out of its table, so that the model throws. */
  poison: {
    body: (seed) => ({ inputs: [{ name: 'CODE', shape: [1, 1], datatype: 'INT32', data: [1_000 + seed] }] }),
    answer: () => [],
  },
};

function subject(model: string): Subject {
  const found = SUBJECTS[model];
  if (!found) throw new Error(`no subject is called ${model}`);
  return found;
}

export const MODELS = Object.keys(SUBJECTS);
export const bodyOf = (model: string, seed: number): string => JSON.stringify(subject(model).body(seed));
export const expected: Expected = (model, seed) => JSON.stringify(subject(model).answer(seed));

/** The outputs of an answer, spelled as `expected` spells them. */
export function spell(body: unknown): string {
  const { outputs = [] } = body as { outputs?: { name: string; data: number[] }[] };
  return JSON.stringify(outputs.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(({ data }) => data));
}
