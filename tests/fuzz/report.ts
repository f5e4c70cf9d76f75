/** The table of a fuzzing run, and what is needed to send a request again. */
import { KINDS } from './cases.ts';
import type { Plan, Tally, Violation } from './fuzz.ts';

const MIB = 1_048_576;

export function table({ counts }: Tally): string {
  const statuses = [...new Set([...counts.values()].flatMap((row) => [...row.keys()]))].toSorted();
  const line = (cells: readonly (string | number)[]): string =>
    cells.map((cell, i) => (i === 0 ? String(cell).padEnd(9) : String(cell).padStart(8))).join('');
  const of = (status: string): number => [...counts.values()].reduce((sum, row) => sum + (row.get(status) ?? 0), 0);
  return [
    line(['', ...statuses]),
    ...KINDS.map((kind) => line([kind, ...statuses.map((status) => counts.get(kind)?.get(status) ?? '')])),
    line(['all', ...statuses.map(of)]),
  ].join('\n');
}

export function summary({ sent, seconds, violations, rssBefore, rssAfter }: Tally, { seed }: Plan): string {
  const memory = `gateway RSS ${(rssBefore / MIB).toFixed(0)} MiB before, ${(rssAfter / MIB).toFixed(0)} MiB after`;
  const rate = `${sent} requests of seed ${seed} in ${seconds.toFixed(1)} s, ${(sent / seconds).toFixed(0)} a second`;
  return `${rate}; ${memory}; ${violations.length} violations`;
}

export function describe({ index, kind, what, bytes }: Violation, seed: number): string {
  const again = `npm run test:fuzz -- --seed ${seed} --from ${index} --requests 1 --connections 1`;
  const shown = JSON.stringify(bytes.toString('latin1', 0, 600));
  return `request ${index} (${kind}): ${what}\n  again: ${again}\n  bytes: ${shown}\n  base64: ${bytes.subarray(0, 20_000).toString('base64')}`;
}
