/** Programs that are not ours: run to their end, and heard only when they fail. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

type Options = { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> };

const MOST_BYTES = 64 * 1_048_576;

/** @returns what it printed. @throws Error with what it complained of */
export async function run(program: string, args: readonly string[], { cwd, env = {} }: Options = {}): Promise<string> {
  try {
    const options = { cwd, env: { ...process.env, ...env }, maxBuffer: MOST_BYTES };
    const { stdout } = await promisify(execFile)(program, [...args], options);
    return stdout;
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    const complaint = stderr.trim().split('\n').slice(-8).join('\n') || message;
    throw new Error(`${program} ${args[0]}: ${complaint}`, { cause: error });
  }
}

export const isThere = (program: string): Promise<boolean> =>
  run('sh', ['-c', `command -v ${program}`]).then(
    () => true,
    () => false,
  );
