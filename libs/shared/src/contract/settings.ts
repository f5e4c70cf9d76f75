/** What each process can be set to, told from the schema that it reads its environment by; and names that nobody reads. */
import type { z } from 'zod';

export type Setting = {
  readonly name: string;
  /** As it would be written; undefined where there is none. */
  readonly default: string | undefined;
};

/** The parts of zod's own description of a type that lead to its default. */
type Definition = {
  readonly defaultValue?: unknown;
  readonly innerType?: z.core.$ZodType;
  readonly in?: z.core.$ZodType;
};

function defaultOf(type: z.core.$ZodType): unknown {
  const { defaultValue, innerType, in: read } = (type as unknown as { readonly def: Definition }).def;
  if (defaultValue !== undefined) return defaultValue;
  const inner = innerType ?? read;
  return inner === undefined ? undefined : defaultOf(inner);
}

const written = (value: unknown): string | undefined =>
  value === undefined || typeof value === 'string' ? value : JSON.stringify(value);

export const settingsOf = ({ shape }: z.ZodObject): Setting[] =>
  Object.entries(shape).map(([name, type]) => ({ name, default: written(defaultOf(type)) }));

/** Letters to add, take out or change until one is the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** A sentence for each BATCHYARD_ name that is not known, with the nearest that is. */
export function unknownNames(names: readonly string[], known: readonly string[]): string[] {
  const ours = known.filter((name) => name.startsWith('BATCHYARD_'));
  return names
    .filter((name) => name.startsWith('BATCHYARD_') && !ours.includes(name))
    .map((name) => {
      const nearest = ours.toSorted((a, b) => distance(a, name) - distance(b, name))[0];
      return `${name} is not a setting; the nearest one is ${nearest}`;
    });
}
