/**
 * What a request to the public listener needs of its caller's key. By the path as it came, byte by byte, like the routes
 * themselves; whatever is not named here needs more rather than less, so a route that was forgotten is not open.
 */
import type { Need } from './caller.ts';

const OPEN = new Set(['/livez', '/readyz', '/v2/health/live', '/v2/health/ready', '/openapi.json', '/docs']);
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);
/** Changes nothing, though it is a POST. */
const LOOKS = new Set(['/v2/repository/index']);
const CHANGES =
  /^\/v2(\/repository\/models\/[^/]+\/(un)?load|\/logging|(\/models\/[^/]+)?\/trace\/setting|\/(system|cuda)sharedmemory\/.*register)$/;
const INFERS = /^\/v2\/models\/[^/]+(\/versions\/[^/]+)?\/infer$/;

/** What an administrator changes here. */
export const changesServer = (method: string, path: string): boolean => !SAFE.has(method) && CHANGES.test(path);

export function publicNeeds(method: string, path: string): Need {
  if (SAFE.has(method)) return OPEN.has(path) ? 'open' : 'any';
  if (LOOKS.has(path)) return 'any';
  if (path.startsWith('/v1/') || INFERS.test(path)) return 'infer';
  return 'admin';
}
