/** A thread that makes the document of a listener and its page, and ends: no request waits for what that takes. */
import { parentPort, workerData } from 'node:worker_threads';

import { opsDocument } from '../openapi/ops-document.ts';
import { publicDocument } from '../openapi/public-document.ts';
import { renderPage } from '../openapi/render-page.ts';

export type AskedDocs = {
  readonly listener: 'public' | 'operations';
  readonly version: string;
  /** Whose token the page's commands send; undefined: none. */
  readonly tokenVariable: string | undefined;
};
export type MadeDocs = { readonly document: string; readonly page: string };

const BASES = { public: 'http://127.0.0.1:8000', operations: 'http://127.0.0.1:8002' } as const;

const { listener, version, tokenVariable } = workerData as AskedDocs;
const document = listener === 'public' ? publicDocument(version) : opsDocument(version);
const page = renderPage(document, { base: BASES[listener], tokenVariable });
const made: MadeDocs = { document: JSON.stringify(document), page };
parentPort?.postMessage(made, []);
