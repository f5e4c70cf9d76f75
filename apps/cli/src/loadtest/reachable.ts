/** The system that is loaded: the same flags and variables as for every command that asks one. */
import { BatchyardFailure } from '@batchyard/client/failure';
import { openSystem, readTarget, type System } from '@batchyard/loadtest/system/ask-system';
import type { Command } from 'commander';

import { reach } from '../remote/remote.ts';

export type ReachFlags = { readonly url?: string; readonly opsUrl?: string; readonly key?: string };

/** `--timeout` is not among them: a request's deadline is part of the test. */
export const reachOptions = (command: Command): Command =>
  command
    .option('--url <url>', 'public listener (BATCHYARD_URL, or HOST and PORT)')
    .option('--ops-url <url>', 'operations listener (BATCHYARD_OPS_URL, or OPS_HOST and OPS_PORT), or off')
    .option('--key <key>', 'API key (BATCHYARD_KEY)');

/** @throws StopSentence for an address that is none */
export function reachSystem({ opsUrl, ...flags }: ReachFlags, env: NodeJS.ProcessEnv): System {
  const asked = opsUrl !== undefined && opsUrl !== 'off';
  const { server, ops } = reach(asked ? { ...flags, opsUrl } : flags, env);
  const target = readTarget(server.url, server.headers['authorization']);
  return openSystem(target, opsUrl === 'off' ? undefined : readTarget(ops.url, ops.headers['authorization']));
}

/** @throws what it is given, and where nobody answered a failure that says so */
export function needReachable(error: unknown): never {
  const sentence = error instanceof Error ? error.message : String(error);
  if (/nothing answers at|does not answer/.test(sentence)) throw new BatchyardFailure('network', sentence);
  throw error;
}
