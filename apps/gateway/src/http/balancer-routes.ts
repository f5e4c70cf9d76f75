/** GET and PUT /v1/balancer on the operations port: how work is spread over the workers, changed at run time. */
import type { Express } from 'express';

import { balancerChangeSchema, changedBalancer, type BalancerChange } from '@batchyard/shared/contract/balancer';
import type { BalancerSettings } from '@batchyard/shared/contract/balancer';
import { Failure } from '@batchyard/shared/contract/failure';

import { readSmallBody } from './read-body.ts';
import { sendJson } from './respond.ts';

export type BalancerDesk = {
  readonly configured: BalancerSettings;
  /** As this gateway sees it, of its last turn. */
  readonly view: () => object;
  readonly wishes: () => Promise<{ readonly balancer: BalancerChange | undefined }>;
  changeBalancer(change: BalancerChange): Promise<void>;
};

const BODY_LIMIT = 4_096;

/** @throws Failure bad_request that points at what is wrong */
function readChange(body: Buffer): BalancerChange {
  let given: unknown;
  try {
    given = JSON.parse(body.toString());
  } catch {
    throw new Failure('bad_request', 'the body is not JSON');
  }
  const parsed = balancerChangeSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const pointers = parsed.error.issues.map((issue) => `/${issue.path.join('/')}`);
  throw new Failure('bad_request', parsed.error.issues.map((issue) => issue.message).join('; '), { pointers });
}

export function mountBalancer(app: Express, desk: BalancerDesk): void {
  async function show(): Promise<object> {
    const { balancer } = await desk.wishes();
    const effective = changedBalancer(desk.configured, balancer);
    // What was just changed holds from the next turn on.
    return { ...desk.view(), ...effective, configured: desk.configured, changed: balancer ?? {} };
  }
  app.get('/v1/balancer', async (_request, response) => sendJson(response, 200, await show()));
  app.put('/v1/balancer', async (request, response) => {
    await desk.changeBalancer(readChange(await readSmallBody({ request, response }, BODY_LIMIT)));
    sendJson(response, 200, await show());
  });
}
