/** What a command is given of the world it runs in, how it reports that it failed, and the exit codes of all of them. */
import pc from 'picocolors';

import { StopSentence } from './stop-sentence.ts';

/** `loadtest` alone has 99, for a threshold that was missed. */
export const EXIT = {
  done: 0,
  /** Something that was looked at is not well, or was refused. */
  failed: 1,
  /** It cannot start, or was typed wrongly. */
  usage: 2,
} as const;

export type Shell = {
  readonly env: NodeJS.ProcessEnv;
  print(line: string): void;
};

function explain(error: unknown): void {
  const sentence = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${pc.red('✗')} ${sentence}\n`);
  if (error instanceof StopSentence) process.stderr.write(`  next: ${pc.bold(error.hint)}\n`);
}

/** Says in a sentence why a command ended, and with what exit code. */
export function failWith(error: unknown): void {
  explain(error);
  process.exitCode = EXIT.usage;
}

export const print = (line: string): void => void process.stdout.write(`${line}\n`);
