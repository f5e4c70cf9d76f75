/** Who makes a request. Where no keys are configured it is the open caller, who may do everything; finding that out costs one look at the request. */
import type { IncomingMessage, ServerResponse } from 'node:http';

import { NO_TENANT, type Scope } from '@batchyard/shared/contract/api-key';
import { Failure } from '@batchyard/shared/contract/failure';
import { PRIORITY_CLASSES, type PriorityClass } from '@batchyard/shared/contract/job';

import type { Meter } from '../admission/row-bucket.ts';

export type Caller = {
  /** Whose jobs it sees, and whose its own become; `-`: nobody's in particular. */
  readonly tenant: string;
  /** It sees the jobs of all tenants: an operator. */
  readonly everyTenant?: boolean;
  /** The id of its key; undefined without one. */
  readonly key?: string;
  /** Of its key, for people. */
  readonly name?: string;
  /** What it may do; undefined: everything. */
  readonly scopes?: ReadonlySet<Scope>;
  /** The priority classes that it may use; undefined: all. */
  readonly classes?: ReadonlySet<PriorityClass>;
  /** Undefined: as much as it likes. */
  readonly meter?: Meter;
};

export const OPEN_CALLER: Caller = { tenant: NO_TENANT };
const CALLER = Symbol('caller');

type Identified = IncomingMessage & { [CALLER]?: Caller };

export const callerOf = (request: IncomingMessage): Caller => (request as Identified)[CALLER] ?? OPEN_CALLER;

export function identify(request: IncomingMessage, caller: Caller): void {
  (request as Identified)[CALLER] = caller;
}

/** `any`: whoever has a key that lets it ask for results or look at things. */
export type Need = 'open' | 'any' | Scope;

export function may({ scopes }: Caller, need: Need): boolean {
  if (scopes === undefined || need === 'open' || need === 'any') return true;
  return scopes.has(need) || (need === 'read' && scopes.has('admin'));
}

/** As the log has it; `-` where no key was asked for. */
export const whoOf = ({ key, name }: Caller): string => (key === undefined ? '-' : `${name} (${key})`);

export const seesTenant = ({ everyTenant, tenant }: Caller, other: string): boolean =>
  everyTenant === true || tenant === other;

/**
 * The class of a request. @param named the request asks for it; otherwise it is the usual one, and where the key may not use
 * that, the next less urgent one that it may use stands in, or the least urgent of all that it has
 * @throws Failure forbidden: a class that was asked for and may not be used
 */
export function permittedClass({ classes }: Caller, wanted: PriorityClass, named: boolean): PriorityClass {
  if (classes === undefined || classes.has(wanted)) return wanted;
  if (named) throw new Failure('forbidden', `this key may not use the priority class ${wanted}`);
  const own = PRIORITY_CLASSES.filter((one) => classes.has(one));
  const after = PRIORITY_CLASSES.slice(PRIORITY_CLASSES.indexOf(wanted));
  return own.find((one) => after.includes(one)) ?? own.at(-1) ?? wanted;
}

/** The headers of the IETF's draft (draft-ietf-httpapi-ratelimit-headers): a quota of rows, and what is left of it. */
function tellRate(meter: Meter, response: ServerResponse): void {
  if (response.headersSent) return;
  const { burst, windowS, left, fullInS } = meter.state();
  response.setHeader('ratelimit-policy', `"rows";q=${burst};w=${windowS}`);
  response.setHeader('ratelimit', `"rows";r=${left};t=${fullInS}`);
}

/** @throws Failure rate_limited: the caller has no rows left; with 0 rows: it could not send a single one */
export function spendRows({ meter }: Caller, rows: number): void {
  const retryAfterS = meter?.take(rows);
  if (retryAfterS !== undefined) throw new Failure('rate_limited', 'the rate of this key is used up', { retryAfterS });
}

/** The same, and the response tells what is left. @throws Failure rate_limited */
export function chargeRows(caller: Caller, rows: number, response: ServerResponse): void {
  const { meter } = caller;
  if (meter === undefined) return;
  try {
    spendRows(caller, rows);
  } finally {
    tellRate(meter, response);
  }
}
