/** A cluster as this client knows it: where it is, who calls, and how patient and insistent the caller is. */
import { createRetryBudget, type RetryBudget } from './retry-budget.ts';

export type ServerOptions = {
  /** Of the public listener, `http://127.0.0.1:8000`; a path in front of the routes is kept. */
  readonly url: string;
  /** Sent as `Authorization: Bearer …`. */
  readonly apiKey?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Of a call, with all its tries; 30 s. */
  readonly timeoutMs?: number | undefined;
  readonly retries?:
    | {
        /** Tries of one call at most, the first included; 4. 1 switches retries off. */
        readonly most?: number | undefined;
        /** Retries that each call earns; 0.1. */
        readonly ratio?: number | undefined;
        /** Retries that can be saved up, and are there at the start; 10. */
        readonly reserve?: number | undefined;
      }
    | undefined;
  /** In place of the global one. */
  readonly fetch?: typeof fetch | undefined;
};

export type Server = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly most: number;
  readonly budget: RetryBudget;
  readonly fetch: typeof fetch;
};

/** Opens nothing: the first call does. @throws TypeError for a url that is none */
export function connect({ url, apiKey, headers, timeoutMs, retries, fetch: own }: ServerOptions): Server {
  const { href, protocol } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:') throw new TypeError(`${url} is no http address`);
  return {
    url: href.replace(/\/+$/, ''),
    headers: { ...headers, ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }) },
    timeoutMs: timeoutMs ?? 30_000,
    most: Math.max(1, retries?.most ?? 4),
    budget: createRetryBudget(retries?.ratio ?? 0.1, retries?.reserve ?? 10),
    // Unbound, a browser's fetch refuses to be called.
    fetch: own ?? ((input, init) => fetch(input, init)),
  };
}
