/**
 * The atomic steps: reads `scripts/<name>-<keys>.lua`, puts its includes in place and runs it by EVALSHA, sending the
 * text only where Redis does not have it (first use, SCRIPT FLUSH, a restart).
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { callBinary, type Redis } from '@batchyard/shared/runtime/redis';
import { Packr } from 'msgpackr';

const SCRIPT_NAMES = [
  'addMany',
  'takeMany',
  'finishMany',
  'failMany',
  'giveBack',
  'renewMany',
  'releaseWorker',
  'claimDead',
  'recoverLapsed',
  'cancel',
  'retry',
  'sweep',
  'watch',
  'checkIn',
  'beat',
  'steer',
  'recordSample',
  'drain',
  'clean',
  'keepMany',
  'takeHooks',
  'settleHook',
  'changeKeys',
  'settleRates',
] as const;
export type ScriptName = (typeof SCRIPT_NAMES)[number];

export type Script = { readonly text: string; readonly sha: string };

// Beside this file's folder in the sources, and from dist/ as well: Lua files are not compiled.
const FOLDER = new URL('../src/scripts/', import.meta.url);
const INCLUDE = /^--- @include "(.+)"$/gm;

function load(name: ScriptName): Script {
  const read = (path: string): string => readFileSync(new URL(`${path}.lua`, FOLDER), 'utf8');
  const text = read(`${name}-1`).replace(INCLUDE, (_line, path: string) => read(path));
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}

export const SCRIPTS = Object.fromEntries(SCRIPT_NAMES.map((name) => [name, load(name)])) as Record<ScriptName, Script>;

const packr = new Packr({ useRecords: false, int64AsType: 'number' });
/** Arrays, strings and numbers as Redis' cmsgpack reads them. */
export const pack = (value: readonly unknown[]): Buffer => packr.pack(value);
export const unpack = (bytes: Buffer): unknown => packr.unpack(bytes);

export type Argument = string | number | Uint8Array;

/** @returns the reply with every bulk string as a Buffer */
export async function runScript(
  redis: Redis,
  name: ScriptName,
  key: string,
  args: readonly Argument[],
): Promise<unknown> {
  const script = SCRIPTS[name];
  try {
    return await callBinary(redis, 'EVALSHA', [script.sha, 1, key, ...args]);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return callBinary(redis, 'EVAL', [script.text, 1, key, ...args]);
  }
}
