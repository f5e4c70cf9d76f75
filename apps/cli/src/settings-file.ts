/**
 * The file of settings: lines NAME=value, as in an .env file. It is `batchyard.env` where the command is typed, or the one
 * that BATCHYARD_CONFIG names. What stands in the environment is stronger.
 */
import { readFile } from 'node:fs/promises';
import { parseEnv } from 'node:util';

import { StopSentence } from './stop-sentence.ts';

export type SettingsFile = { readonly path: string; readonly values: NodeJS.ProcessEnv };

const USUAL = 'batchyard.env';

/** @throws StopSentence when a file that was named cannot be read */
export async function readSettingsFile(named: string | undefined): Promise<SettingsFile | undefined> {
  const path = named ?? USUAL;
  try {
    return { path, values: parseEnv(await readFile(path, 'utf8')) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (named === undefined && code === 'ENOENT') return undefined;
    throw new StopSentence(
      `the settings file ${path} cannot be read (${code ?? String(error)})`,
      'env -u BATCHYARD_CONFIG batchyard config show',
    );
  }
}
