/** GET, POST and DELETE /v1/keys on the operations port: who may use the cluster. A secret is made here, shown once, and kept by nobody. */
import type { Express, Request } from 'express';

import type { ApiKey, KeyTerms } from '@batchyard/shared/contract/api-key';
import { keyTermsSchema } from '@batchyard/shared/contract/api-key';
import { Failure } from '@batchyard/shared/contract/failure';

import { callerOf, may } from './caller.ts';
import { notAllowed } from './door.ts';
import { readSmallBody } from './read-body.ts';
import { sendJson } from './respond.ts';

export type ListedKey = Omit<ApiKey, 'sha256'> & {
  /** `file`: of BATCHYARD_API_KEYS_FILE. */
  readonly source: 'redis' | 'file';
};

export type KeyDesk = {
  list(): Promise<readonly ListedKey[]>;
  /** @throws Failure conflict: nobody could make another key after this one, or somebody else changes the list */
  create(terms: KeyTerms): Promise<{ readonly key: ListedKey; readonly secret: string }>;
  /** @throws Failure not_found, conflict */
  revoke(id: string): Promise<void>;
};

const BODY_LIMIT = 4_096;

/** @throws Failure bad_request that points at what is wrong */
function readTerms(body: Buffer): KeyTerms {
  let given: unknown;
  try {
    given = JSON.parse(body.toString());
  } catch {
    throw new Failure('bad_request', 'the body is not JSON');
  }
  const parsed = keyTermsSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const pointers = parsed.error.issues.map((issue) => `/${issue.path.join('/')}`);
  const said = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
  throw new Failure('bad_request', said, { pointers });
}

/** Who reads may not read these: besides the guard, because Express takes a path in more spellings than one. */
function onlyAdmins(request: Request): void {
  if (!may(callerOf(request), 'admin')) throw notAllowed('admin');
}

export function mountKeys(app: Express, desk: KeyDesk): void {
  app.get('/v1/keys', async (request, response) => {
    onlyAdmins(request);
    sendJson(response, 200, { keys: await desk.list() });
  });
  app.post('/v1/keys', async (request, response) => {
    onlyAdmins(request);
    const { key, secret } = await desk.create(readTerms(await readSmallBody({ request, response }, BODY_LIMIT)));
    sendJson(response, 201, { ...key, secret }, { 'cache-control': 'no-store' });
  });
  app.delete('/v1/keys/:id', async (request, response) => {
    onlyAdmins(request);
    await desk.revoke(request.params.id);
    sendJson(response, 200, { id: request.params.id, revoked: true });
  });
}
