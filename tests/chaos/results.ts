/** A file of runs, one a line, so that a long suite can be ended and gone on with. */
import { appendFile, readFile } from 'node:fs/promises';

import type { RunLine } from './table.ts';

export type Results = {
  /** Runs of this fault that the file had when it was opened. */
  of(fault: string): readonly RunLine[];
  add(line: RunLine): Promise<void>;
};

// JSON has no infinity, which is what a recovery that did not come is.
const parse = (text: string): RunLine => {
  const line = JSON.parse(text) as Omit<RunLine, 'recoveryMs'> & { recoveryMs: number | null };
  return { ...line, recoveryMs: line.recoveryMs ?? Number.POSITIVE_INFINITY };
};

/** @param file none: nothing is kept */
export async function openResults(file?: string): Promise<Results> {
  const text = file === undefined ? '' : await readFile(file, 'utf8').catch(() => '');
  const earlier = text
    .split('\n')
    .filter((line) => line !== '')
    .map(parse);
  return {
    of: (fault) => earlier.filter((line) => line.fault === fault),
    async add(line) {
      if (file !== undefined) await appendFile(file, `${JSON.stringify(line)}\n`);
    },
  };
}
