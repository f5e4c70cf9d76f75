/** The running system that a command speaks with: its two listeners, who asks, and in what form the answer is wanted. */
import { call, readJson } from '@batchyard/client/call';
import { connect, type Server } from '@batchyard/client/connect';
import type { Command } from 'commander';

import { StopSentence } from '../stop-sentence.ts';

export type RemoteFlags = {
  readonly url?: string;
  readonly opsUrl?: string;
  readonly key?: string;
  readonly timeout?: string;
  readonly json?: boolean;
};

export type Remote = {
  /** The public listener. */
  readonly server: Server;
  readonly ops: Server;
  readonly json: boolean;
  readonly timeoutMs: number;
};

/** The options that all commands have which ask a running system. */
export function remoteOptions(command: Command): Command {
  return command
    .option('--url <url>', 'public listener (BATCHYARD_URL, or HOST and PORT)')
    .option('--ops-url <url>', 'operations listener (BATCHYARD_OPS_URL, or OPS_HOST and OPS_PORT)')
    .option('--key <key>', 'API key (BATCHYARD_KEY)')
    .option('--timeout <seconds>', 'how long to wait for an answer', '30')
    .option('--json', 'print JSON');
}

/** Where the settings of the processes say that a listener is. */
function addressOf(env: NodeJS.ProcessEnv, prefix: '' | 'OPS_', otherwise: string): string {
  const host = env[`${prefix}HOST`];
  const port = env[`${prefix}PORT`];
  const scheme = env[`BATCHYARD_${prefix}TLS_CERT_FILE`] ? 'https' : 'http';
  const name = host === undefined || host === '' || host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `${scheme}://${name.includes(':') ? `[${name}]` : name}:${port === undefined || port === '' ? otherwise : port}`;
}

export function readSeconds(text: string, what: string): number {
  const seconds = Number(text);
  if (!(seconds > 0) || seconds > 86_400)
    throw new StopSentence(`${what} is a number of seconds, at most a day`, `${what} 30`);
  return seconds;
}

export function readCount(text: string, what: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new StopSentence(`${what} is a whole number above 0`, `${what} 1`);
  return count;
}

function connected(url: string, apiKey: string | undefined, timeoutMs: number, flag: string): Server {
  try {
    return connect({ url, apiKey, timeoutMs });
  } catch {
    throw new StopSentence(`${url} is no http address`, `${flag} http://127.0.0.1:8000`);
  }
}

/** @throws StopSentence for an address or a time that is none */
export function reach(flags: RemoteFlags, env: NodeJS.ProcessEnv): Remote {
  const timeoutMs = readSeconds(flags.timeout ?? '30', '--timeout') * 1000;
  const key = flags.key ?? env['BATCHYARD_KEY'];
  const url = flags.url ?? env['BATCHYARD_URL'] ?? addressOf(env, '', '8000');
  const ops = flags.opsUrl ?? env['BATCHYARD_OPS_URL'] ?? addressOf(env, 'OPS_', '8002');
  return {
    server: connected(url, key, timeoutMs, '--url'),
    ops: connected(ops, flags.key ?? env['BATCHYARD_OPS_TOKEN'] ?? key, timeoutMs, '--ops-url'),
    json: flags.json === true,
    timeoutMs,
  };
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** What a route of either listener answers. @throws BatchyardFailure */
export function ask<T>(server: Server, method: Method, path: string, body?: unknown): Promise<T> {
  const sent =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  return call(server, { method, path, once: method === 'POST', ...sent }, readJson<T>);
}

/** A path with its names made safe, and a query of what is given: route`/v1/queues/${name}`. */
export const route = (parts: TemplateStringsArray, ...names: string[]): string =>
  parts.reduce((path, part, i) => `${path}${part}${i < names.length ? encodeURIComponent(names[i] ?? '') : ''}`, '');

export function query(values: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(values).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`;
}
