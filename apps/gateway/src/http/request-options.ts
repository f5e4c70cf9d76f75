/** What headers and query ask for: class, timeout, long poll. */
import { Failure } from '@batchyard/shared/contract/failure';
import { MAX_TIMEOUT_MS, PRIORITY_CLASSES, type PriorityClass } from '@batchyard/shared/contract/job';

type Headers = Readonly<Record<string, string | string[] | undefined>>;

export const LONGEST_WAIT_MS = 60_000;

/** `Batchyard-Priority: critical|high|normal|low`. @throws Failure bad_request */
export function priorityHeader(headers: Headers): PriorityClass | undefined {
  const text = headers['batchyard-priority'];
  if (text === undefined) return undefined;
  const found = PRIORITY_CLASSES.find((name) => name === text);
  if (!found) throw new Failure('bad_request', 'Batchyard-Priority must be critical, high, normal or low');
  return found;
}

/** `Batchyard-Timeout-Ms`, clamped at a day. @throws Failure bad_request */
export function timeoutHeader(headers: Headers): number | undefined {
  const text = headers['batchyard-timeout-ms'];
  if (text === undefined) return undefined;
  const value = typeof text === 'string' && /^[0-9]{1,15}(\.[0-9]{1,6})?$/.test(text) ? Number(text) : 0;
  if (!(value > 0)) throw new Failure('bad_request', 'Batchyard-Timeout-Ms must be a number of milliseconds above 0');
  return Math.min(MAX_TIMEOUT_MS, value);
}

/** `?wait=30s`, `?wait=500ms` or `?wait=5` (seconds), clamped at a minute; 0 without one. */
export function waitMs(url: string): number {
  const text = new URLSearchParams(url.slice(url.indexOf('?') + 1)).get('wait');
  if (text === null || !url.includes('?')) return 0;
  const found = /^([0-9]+(?:\.[0-9]+)?(?:e[0-9]+)?)(ms|s)?$/.exec(text);
  if (!found) throw new Failure('bad_request', "the query parameter 'wait' must be a time like 30s");
  return Math.min(LONGEST_WAIT_MS, Number(found[1]) * (found[2] === 'ms' ? 1 : 1000));
}
