/** GET /openapi.json and GET /docs: the interface of a listener as a document and as a page, both made once. */
import { createHash } from 'node:crypto';

import type { Request, Response } from 'express';

import type { Caller } from '../openapi/curl.ts';
import type { ApiDocument } from '../openapi/document.ts';
import { PAGE_STYLE } from '../openapi/page-style.ts';
import { renderPage } from '../openapi/render-page.ts';
import { sendBytes } from './respond.ts';

export type ApiDocs = Readonly<Record<'document' | 'page', (request: Request, response: Response) => void>>;

const hashed = (text: string, encoding: 'base64' | 'hex'): string => createHash('sha256').update(text).digest(encoding);
/** Nothing but the page's own style sheet: no script, no picture, nothing from elsewhere, and in nobody's frame. */
const POLICY = `default-src 'none'; style-src 'sha256-${hashed(PAGE_STYLE, 'base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

function sender(text: string, type: string): (request: Request, response: Response) => void {
  const body = Buffer.from(text);
  const etag = `"${hashed(text, 'hex').slice(0, 16)}"`;
  const headers = {
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
    etag,
  };
  return (request, response) => {
    if (request.headers['if-none-match'] === etag) response.writeHead(304, headers).end();
    else sendBytes(response, 200, body, { ...headers, 'content-type': type });
  };
}

export const createApiDocs = (document: ApiDocument, caller: Caller): ApiDocs => ({
  document: sender(JSON.stringify(document), 'application/json'),
  page: sender(renderPage(document, caller), 'text/html; charset=utf-8'),
});
