/** GET /openapi.json and GET /docs: the interface of a listener as a document and as a page, both made once, when one is asked for. */
import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';

import type { Request, Response } from 'express';

import { PAGE_STYLE } from '../openapi/page-style.ts';
import type { AskedDocs, MadeDocs } from './docs-thread.ts';
import { sendBytes } from './respond.ts';

type Answer = (request: Request, response: Response) => Promise<void>;
export type ApiDocs = Readonly<Record<'document' | 'page', Answer>>;
type Made = { readonly body: Buffer; readonly headers: Record<string, string> & { readonly etag: string } };

// The thread runs the built file also where the rest runs from source.
const THREAD = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/http/docs-thread.js' : './docs-thread.js',
  import.meta.url,
);

const hashed = (text: string, encoding: 'base64' | 'hex'): string => createHash('sha256').update(text).digest(encoding);
/** Nothing but the page's own style sheet: no script, no picture, nothing from elsewhere, and in nobody's frame. */
const POLICY = `default-src 'none'; style-src 'sha256-${hashed(PAGE_STYLE, 'base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

function ready(text: string, type: string): Made {
  const headers = {
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
    'content-type': type,
    etag: `"${hashed(text, 'hex').slice(0, 16)}"`,
  };
  return { body: Buffer.from(text), headers };
}

/** Beside the requests, which would otherwise wait for it. */
const make = (asked: AskedDocs): Promise<MadeDocs> =>
  new Promise((resolve, reject) => {
    const thread = new Worker(THREAD, { workerData: asked, execArgv: [] });
    thread.once('message', resolve).once('error', reject);
    thread.once('exit', () => reject(new Error('the thread that makes the API documents ended')));
  });

export function createApiDocs(asked: AskedDocs): ApiDocs {
  let making: Promise<Readonly<Record<'document' | 'page', Made>>> | undefined;

  async function all(): Promise<Readonly<Record<'document' | 'page', Made>>> {
    const { document, page } = await make(asked);
    return { document: ready(document, 'application/json'), page: ready(page, 'text/html; charset=utf-8') };
  }
  function made(): ReturnType<typeof all> {
    making ??= all().catch((error: unknown) => {
      // The next one who asks has it tried again.
      making = undefined;
      throw error;
    });
    return making;
  }
  const answer =
    (which: 'document' | 'page'): Answer =>
    async (request, response) => {
      const { body, headers } = (await made())[which];
      if (request.headers['if-none-match'] === headers.etag) response.writeHead(304, headers).end();
      else sendBytes(response, 200, body, headers);
    };
  return { document: answer('document'), page: answer('page') };
}
