/** Query parameters of the operations routes; what is wrong with one is said in a sentence. */
import type { Request } from 'express';

import { Failure } from '@batchyard/shared/contract/failure';

const LONGEST = 512;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** @throws Failure bad_request where it was given twice or is too long */
export function textParameter(request: Request, name: string): string | undefined {
  const given = request.query[name];
  if (given === undefined || given === '') return undefined;
  if (typeof given !== 'string' || given.length > LONGEST)
    throw new Failure('bad_request', `${name} is one text of at most ${LONGEST} characters`);
  return given;
}

export function countParameter(request: Request, name: string, bound: { otherwise: number; most: number }): number {
  const given = textParameter(request, name);
  if (given === undefined) return bound.otherwise;
  const value = /^\d{1,9}$/.test(given) ? Number(given) : 0;
  if (value < 1 || value > bound.most) throw new Failure('bad_request', `${name} is a number of 1 to ${bound.most}`);
  return value;
}

function durationOf(given: string, name: string): number {
  const [, number, unit] = /^(\d{1,9})(ms|s|m|h|d)?$/.exec(given) ?? [];
  if (number === undefined) throw new Failure('bad_request', `${name} is a time such as 500ms, 60s, 5m, 1h or 7d`);
  return Number(number) * (UNIT_MS[unit ?? 's'] ?? 0);
}

/** `500ms`, `60s`, `5m`, `1h`, `7d`; a bare number is seconds. */
export function durationParameter(request: Request, name: string): number | undefined {
  const given = textParameter(request, name);
  return given === undefined ? undefined : durationOf(given, name);
}

/** A moment in ms since 1970: an ISO time, or so long ago, as a duration. */
export function sinceOf(given: string | undefined, name: string, nowMs: number): number | undefined {
  if (given === undefined) return undefined;
  if (/^\d{4}-/.test(given)) {
    const at = Date.parse(given);
    if (Number.isFinite(at)) return at;
    throw new Failure('bad_request', `${name} is a time such as 2026-01-31T12:00:00Z, or so long ago: 5m`);
  }
  return nowMs - durationOf(given, name);
}

export const sinceParameter = (request: Request, name: string, nowMs: number): number | undefined =>
  sinceOf(textParameter(request, name), name, nowMs);
