/**
 * Who may use the operations port. With a token or with API keys every route but the probes and the login asks for one of them: as
 * a bearer, as `X-API-Key`, as the password of HTTP Basic, or in the cookie that the login sets. Without both nothing but the
 * place guards it: so a page of another origin that a browser happens to have open may change nothing, whatever is asked for.
 */
import { createHash, timingSafeEqual } from 'node:crypto';

import type { NextFunction, Request, Response } from 'express';

import { NO_TENANT } from '@batchyard/shared/contract/api-key';
import { Failure } from '@batchyard/shared/contract/failure';

import { auditRequest, type Audit } from './audit.ts';
import { identify, may, OPEN_CALLER, type Caller, type Need } from './caller.ts';
import { notAllowed } from './door.ts';
import { bearerOf, type Keyring } from './keyring.ts';
import type { WrongKeys } from './wrong-keys.ts';

const OPEN = new Set(['/livez', '/readyz', '/login', '/logout']);
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);
/** The public port's routes, for the playground. */
const INFERS = /^\/v1\/models\/[^/]+\/(infer|jobs)$/;
const CHALLENGE = 'Basic realm="Batchyard operations", charset="UTF-8"';

export const KEY_COOKIE = 'batchyard_key';
/** Whom the dashboard greets: its scripts may read this one, and it lets nobody in. */
export const NAME_COOKIE = 'batchyard_name';

/** Of equal length, whatever was sent. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

const TOKEN_HOLDER: Caller = { tenant: NO_TENANT, key: 'token', name: 'BATCHYARD_OPS_TOKEN' };

function cookieOf(request: Request): string | undefined {
  const pairs = (request.headers.cookie ?? '').split('; ');
  return pairs.find((pair) => pair.startsWith(`${KEY_COOKIE}=`))?.slice(KEY_COOKIE.length + 1);
}

function passwordOf(authorization: string): string | undefined {
  const [, encoded] = /^Basic +(\S+) *$/i.exec(authorization) ?? [];
  if (encoded === undefined) return undefined;
  const pair = Buffer.from(encoded, 'base64').toString();
  return pair.slice(pair.indexOf(':') + 1);
}

function presented(request: Request): string | undefined {
  const { authorization } = request.headers;
  if (authorization !== undefined) return bearerOf(authorization) ?? passwordOf(authorization) ?? '';
  const named = request.headers['x-api-key'];
  return named === undefined ? cookieOf(request) : String(named);
}

function fromElsewhere(request: Request): boolean {
  const { origin, host } = request.headers;
  const site = request.headers['sec-fetch-site'];
  if (site === 'cross-site' || site === 'same-site') return true;
  return origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`;
}

function opsNeeds(method: string, path: string): Need {
  if (SAFE.has(method)) return OPEN.has(path) ? 'open' : 'read';
  if (path === '/login' || path === '/logout') return 'open';
  return method === 'POST' && INFERS.test(path) ? 'infer' : 'admin';
}

export type Guard = (request: Request, response: Response, next: NextFunction) => void;

export type Entrance = {
  readonly guard: Guard;
  /** By the text of a key, or the token. */
  readonly find: (text: string) => Caller | undefined;
  /** Who has signed in. */
  readonly ofCookie: (request: Request) => Caller | undefined;
};

/** What lets somebody in, and who is told of it. */
export type Entry = {
  /** Undefined: there is none, and keys are asked for where there are keys. */
  readonly token: string | undefined;
  readonly keyring: Keyring;
  /** Asks for a key though there are none: the listener can be reached from elsewhere. */
  readonly closed: boolean;
  readonly wrongKeys: WrongKeys;
  readonly audit: Audit;
  /** The listener speaks TLS: then the cookie goes nowhere else. */
  readonly secure: boolean;
};

export function createEntrance({ token, keyring, closed, wrongKeys, audit }: Entry): Entrance {
  const expected = token === undefined ? undefined : digest(token);
  const demanded = (): boolean => expected !== undefined || closed || keyring.hasKeys();
  const find = (text: string): Caller | undefined =>
    expected !== undefined && timingSafeEqual(digest(text), expected) ? TOKEN_HOLDER : keyring.find(text);

  /** @returns nothing where the browser was sent to the login */
  function refuse(request: Request, response: Response, sent: string | undefined): void {
    const isPage = request.method === 'GET' && /\btext\/html\b/.test(request.headers.accept ?? '');
    if (isPage && request.headers.authorization === undefined) {
      response.redirect(303, '/login');
      return;
    }
    // A page's own requests are not to bring up the browser's window for a password.
    const fromPage = request.headers['sec-fetch-site'] !== undefined;
    response.setHeader('www-authenticate', fromPage ? 'Bearer realm="Batchyard operations"' : CHALLENGE);
    const tooMany = sent === undefined ? undefined : wrongKeys(request.socket.remoteAddress ?? '', performance.now());
    throw (
      tooMany ??
      new Failure('unauthorized', 'this route needs an API key, or the operations token: Authorization: Bearer …')
    );
  }

  function guard(request: Request, response: Response, next: NextFunction): void {
    const need = opsNeeds(request.method, request.path);
    if (need === 'admin') auditRequest(request, response, audit);
    if (demanded() && need !== 'open') {
      const sent = presented(request);
      const caller = sent === undefined ? undefined : find(sent);
      if (caller === undefined) return refuse(request, response, sent);
      identify(request, { ...caller, everyTenant: true });
      if (!may(caller, need)) throw notAllowed(need);
    } else identify(request, { ...OPEN_CALLER, everyTenant: true });
    if (!SAFE.has(request.method) && fromElsewhere(request))
      throw new Failure('forbidden', 'a page of another origin may change nothing here');
    return next();
  }
  return {
    guard,
    find,
    ofCookie(request) {
      const text = cookieOf(request);
      return text === undefined ? undefined : find(text);
    },
  };
}
