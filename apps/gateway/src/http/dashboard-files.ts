/** The dashboard at `/` of the operations port: a page, a script, a style sheet; read once, and nothing from elsewhere. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import type { Express } from 'express';

import { Failure } from '@batchyard/shared/contract/failure';

const FOLDER = new URL('../../../dashboard/dist/', import.meta.url);
const FILES = [
  { path: '/', name: 'index.html', type: 'text/html; charset=utf-8' },
  { path: '/dashboard.js', name: 'dashboard.js', type: 'text/javascript; charset=utf-8' },
  { path: '/dashboard.css', name: 'dashboard.css', type: 'text/css; charset=utf-8' },
] as const;
/** Sockets, styles and scripts of its own origin, nothing inline, and in nobody's frame. */
const POLICY = "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

function read(name: string): Buffer | undefined {
  try {
    return readFileSync(new URL(name, FOLDER));
  } catch {
    return undefined;
  }
}

export function mountDashboard(app: Express): void {
  for (const { path, name, type } of FILES) {
    const body = read(name);
    const etag = body && `"${createHash('sha256').update(body).digest('hex').slice(0, 16)}"`;
    app.get(path, (request, response) => {
      if (!body || !etag) throw new Failure('not_found', 'the dashboard is not built: npm run build');
      response.set({
        'content-security-policy': POLICY,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-cache',
        etag,
      });
      if (request.headers['if-none-match'] === etag) response.status(304).end();
      else response.type(type).send(body);
    });
  }
}
