/** GET /v1/workers on the operations port. */
import type { Express } from 'express';

import { Failure } from '@batchyard/shared/contract/failure';
import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';

import { crowdedHosts } from '../balancer/crowding.ts';
import { sendJson } from './respond.ts';

type WorkerView = { readonly heartbeat: Heartbeat; readonly silentMs: number };
export type WorkerDesk = { readonly workers: () => readonly WorkerView[] };

/** A worker not heard of for three beats. */
const LOST_MS = 3_500;

function workerLine({ heartbeat, silentMs }: WorkerView): Record<string, unknown> {
  const { id, pid, host, cores = null, state, models } = heartbeat;
  const { in_flight, load, response_ms, rss_bytes, ops_port, started_at } = heartbeat;
  const names = models.map((model) => model.queue);
  const rests = models.filter(({ rest_ms = 0 }) => rest_ms > 0).map(({ queue, rest_ms }) => [queue, rest_ms]);
  const seen = silentMs < LOST_MS ? state : 'lost';
  return {
    id,
    pid,
    host,
    cores,
    state: seen,
    models: names,
    rests: Object.fromEntries(rests),
    reason: heartbeat.reason ?? null,
    in_flight,
    load,
    response_ms,
    rss_bytes,
    ops_port,
    started_at,
    last_seen_ms: Math.round(silentMs),
  };
}

export function mountWorkers(app: Express, { workers }: WorkerDesk): void {
  app.get('/v1/workers', (_request, response) => {
    const all = workers();
    const serving = all.filter(({ heartbeat, silentMs }) => silentMs < LOST_MS && heartbeat.state === 'serving');
    const crowded = crowdedHosts(serving.map(({ heartbeat }) => heartbeat));
    sendJson(response, 200, { workers: all.map(workerLine), crowded_hosts: crowded });
  });
  app.get('/v1/workers/:id', (request, response) => {
    const found = workers().find(({ heartbeat }) => heartbeat.id === request.params.id);
    if (!found) throw new Failure('not_found', 'there is no such worker');
    // The token is what its results are fenced with.
    const { token: _secret, ...beat } = found.heartbeat;
    sendJson(response, 200, { ...beat, ...workerLine(found), detail: beat.models });
  });
}
