/** GET /v1/performance and what belongs to it, and /v1/alerts, on the operations port. */
import { once } from 'node:events';

import type { Express, Request, Response } from 'express';

import { Failure } from '@batchyard/shared/contract/failure';

import { sendJson } from './respond.ts';

export type MonitorDesk = {
  summary(windowMs: number): Promise<Record<string, unknown>>;
  figures(windowMs: number): AsyncIterable<readonly unknown[]>;
  alerts(): Promise<unknown>;
  /** @throws Failure not_found */
  acknowledge(id: string): Promise<unknown>;
};

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };
const HOUR_MS = 3_600_000;

/** `60s`, `5m`, `1h`; a bare number is seconds. @throws Failure bad_request */
function windowOf(asked: unknown, otherwiseMs: number): number {
  if (asked === undefined) return otherwiseMs;
  const found = /^(\d{1,5})([smh]?)$/.exec(typeof asked === 'string' ? asked : '');
  const ms = Number(found?.[1]) * (UNIT_MS[found?.[2] || 's'] ?? 0);
  if (ms > 0 && ms <= HOUR_MS) return ms;
  throw new Failure('bad_request', 'window is a time of 1s to 1h, such as 60s or 5m');
}

/** As it becomes ready; a reader that is slow is waited for. */
async function sendSamples(
  response: Response,
  head: string,
  samples: AsyncIterable<readonly unknown[]>,
): Promise<void> {
  response.write(`${head}"samples":[`);
  let first = true;
  for await (const piece of samples) {
    if (response.destroyed) return;
    const text = piece.map((one) => JSON.stringify(one)).join(',');
    if (text === '') continue;
    const taken = response.write(first ? text : `,${text}`);
    first = false;
    if (!taken) await Promise.race([once(response, 'drain'), once(response, 'close')]);
  }
  response.end(']}');
}

export function mountMonitor(app: Express, desk: MonitorDesk): void {
  app.get('/v1/performance', async (request, response) => {
    const windowMs = windowOf(request.query['window'], 60_000);
    sendJson(response, 200, { window_ms: windowMs, ...(await desk.summary(windowMs)) });
  });
  app.get('/v1/performance/history', async (request: Request, response: Response) => {
    const windowMs = windowOf(request.query['window'], HOUR_MS);
    response.writeHead(200, { 'content-type': 'application/json' });
    await sendSamples(response, '{', desk.figures(windowMs));
  });
  app.get('/v1/performance/export', async (_request, response) => {
    const at = new Date().toISOString();
    const summary = await desk.summary(HOUR_MS);
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-disposition': `attachment; filename="batchyard-${at.slice(0, 19).replaceAll(':', '')}.json"`,
    });
    const head = `{"exported_at":${JSON.stringify(at)},"summary":${JSON.stringify(summary)},`;
    await sendSamples(response, head, desk.figures(HOUR_MS));
  });
  app.get('/v1/alerts', async (_request, response) => sendJson(response, 200, await desk.alerts()));
  app.post('/v1/alerts/:id/acknowledge', async (request, response) => {
    sendJson(response, 200, await desk.acknowledge(String(request.params['id'])));
  });
}
