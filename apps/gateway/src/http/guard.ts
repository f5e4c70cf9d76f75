/**
 * Who may use the operations port. With a token every route but the probes asks for it: as a bearer, or as the password of
 * HTTP Basic, which browsers ask people for. Without one nothing but the place guards it: so a page of another origin that a
 * browser happens to have open may change nothing, with a token or without.
 */
import { createHash, timingSafeEqual } from 'node:crypto';

import type { NextFunction, Request, Response } from 'express';

import { Failure } from '@batchyard/shared/contract/failure';

const OPEN = new Set(['/livez', '/readyz']);
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Of equal length, whatever was sent. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

function presented(request: Request): string | undefined {
  const [, scheme, value] = /^(Bearer|Basic) +(\S+) *$/i.exec(request.headers.authorization ?? '') ?? [];
  if (scheme === undefined || value === undefined) return undefined;
  if (scheme.toLowerCase() === 'bearer') return value;
  const pair = Buffer.from(value, 'base64').toString();
  return pair.slice(pair.indexOf(':') + 1);
}

function fromElsewhere(request: Request): boolean {
  const { origin, host } = request.headers;
  const site = request.headers['sec-fetch-site'];
  if (site === 'cross-site' || site === 'same-site') return true;
  return origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`;
}

export type Guard = (request: Request, response: Response, next: NextFunction) => void;

export function createGuard(token: string | undefined): Guard {
  const expected = token === undefined ? undefined : digest(token);
  return (request, response, next) => {
    if (OPEN.has(request.path)) return next();
    if (expected !== undefined && !timingSafeEqual(digest(presented(request) ?? ''), expected)) {
      response.setHeader('www-authenticate', 'Basic realm="Batchyard operations", charset="UTF-8"');
      throw new Failure('unauthorized', 'this route needs the operations token: Authorization: Bearer …');
    }
    if (!SAFE.has(request.method) && fromElsewhere(request))
      throw new Failure('forbidden', 'a page of another origin may change nothing here');
    return next();
  };
}
