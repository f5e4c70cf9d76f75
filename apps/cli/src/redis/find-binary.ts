/** A Redis or Valkey server on this machine, 6.2 or later. */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

import { oldEnough } from './redis-facts.ts';

const run = promisify(execFile);

export type RedisBinary = { readonly file: string; readonly version: string; readonly libraries: string | undefined };

const NAMES = ['valkey-server', 'redis-server'];
const USUAL = ['/usr/bin', '/usr/local/bin', '/usr/sbin', '/opt/homebrew/bin', '/opt/local/bin', '/snap/bin'];

/** @returns undefined where it is not there, does not start, or is too old */
export async function tryBinary(file: string, libraries?: string): Promise<RedisBinary | undefined> {
  const there = await access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!there) return undefined;
  const env = libraries === undefined ? undefined : { env: { LD_LIBRARY_PATH: libraries } };
  const version = await run(file, ['--version'], { timeout: 5_000, ...env }).then(
    ({ stdout }) => /v=([0-9.]+)/.exec(stdout)?.[1],
    () => undefined,
  );
  return version !== undefined && oldEnough(version) ? { file, version, libraries } : undefined;
}

/** @param searchUsual look beyond PATH as well */
export async function findBinary(
  path: string,
  named: string | undefined,
  searchUsual = true,
): Promise<RedisBinary | undefined> {
  if (named !== undefined) return tryBinary(named);
  const folders = [...path.split(delimiter).filter((folder) => folder !== ''), ...(searchUsual ? USUAL : [])];
  for (const name of NAMES) {
    for (const folder of folders) {
      const found = await tryBinary(join(folder, name));
      if (found) return found;
    }
  }
  return undefined;
}
