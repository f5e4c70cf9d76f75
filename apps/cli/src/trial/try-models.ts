/** Asks the worker's own code what it makes of models on disk, in a process of its own: a broken file may end it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import type { Table } from './recommend.ts';

type Spec = { readonly name: string; readonly datatype: string; readonly shape: readonly number[] };
export type Tried =
  | {
      readonly model: string;
      readonly version: string;
      readonly inputs: readonly Spec[];
      readonly outputs: readonly Spec[];
      readonly max_batch_size: number;
      /** What the configuration says and nobody obeys. */
      readonly notes: readonly string[];
      readonly tables: readonly Table[];
    }
  | { readonly model: string; readonly version?: string; readonly problem: string };

export type TrialAsked = {
  readonly root: string;
  readonly models: readonly string[];
  readonly threads: readonly number[];
  readonly maxRows?: number | undefined;
};

/** Calls `onTried` as each is done. @throws Error when the process ends before it has tried all */
export async function tryModels(asked: TrialAsked, onTried: (tried: Tried) => void): Promise<void> {
  const file = fileURLToPath(new URL('../../../worker/dist/open-trial.js', import.meta.url));
  const child = spawn(process.execPath, [file, JSON.stringify(asked)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (part: Buffer) => (said = (said + part.toString()).slice(-2_000)));
  const ended = once(child, 'close') as Promise<[number | null, string | null]>;
  for await (const line of createInterface({ input: child.stdout })) onTried(JSON.parse(line) as Tried);
  const [code, signal] = await ended;
  if (code === 0) return;
  const reason = /Error: (.*)/.exec(said)?.[1] ?? signal ?? `exit code ${code}`;
  throw new Error(`the trial ended before all models were tried: ${reason}`);
}
