/** GET /v1/optimizations, POST /v1/optimizations/{rule}/run and PUT /v1/cache on the operations port. */
import { Failure } from '@batchyard/shared/contract/failure';
import { TUNING_RULES, type CacheLimits, type TuningRule } from '@batchyard/shared/contract/tuning';
import type { Express } from 'express';

import { cacheBody, LEAST_CACHE_BYTES, MOST_CACHE_BYTES, MOST_CACHE_TTL_S } from '../openapi/request-bodies.ts';
import { readSmallBody } from './read-body.ts';
import { sendJson } from './respond.ts';

export type TuningDesk = {
  /** What was done, and what each rule has brought. */
  list(): Promise<unknown>;
  /** The gateway that steers does it within two seconds. */
  run(rule: TuningRule): Promise<void>;
  /** What it would do now, or null. */
  wouldDo(rule: TuningRule): Promise<unknown>;
  /** Every gateway follows within a second or two. @param limits undefined: as configured */
  tuneCache(limits: CacheLimits | undefined): Promise<void>;
};

const BODY_LIMIT = 1_024;

/** @throws Failure bad_request */
function readLimits(text: string): CacheLimits | undefined {
  try {
    return cacheBody.parse(JSON.parse(text));
  } catch {
    const [bytes, ttl] = [`${LEAST_CACHE_BYTES} … ${MOST_CACHE_BYTES}`, `… ${MOST_CACHE_TTL_S}`];
    throw new Failure('bad_request', `the body is {"bytes": ${bytes}, "ttl_s": ${ttl}}, or {}`);
  }
}

export function mountTuning(app: Express, desk: TuningDesk): void {
  app.get('/v1/optimizations', async (_request, response) => sendJson(response, 200, await desk.list()));
  app.post('/v1/optimizations/:rule/run', async (request, response) => {
    const rule = TUNING_RULES.find((one) => one === request.params.rule);
    if (!rule) throw new Failure('not_found', `there is no such rule; there are ${TUNING_RULES.join(', ')}`);
    if (request.query['dry_run'] === '1') return sendJson(response, 200, { rule, would_do: await desk.wouldDo(rule) });
    await desk.run(rule);
    return sendJson(response, 202, { rule, asked: true });
  });
  app.put('/v1/cache', async (request, response) => {
    const limits = readLimits((await readSmallBody({ request, response }, BODY_LIMIT)).toString());
    await desk.tuneCache(limits);
    sendJson(response, 202, { limits: limits ?? 'as configured' });
  });
}
