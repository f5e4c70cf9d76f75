/** Probes and metrics of the operations port. */
import type { Express } from 'express';

import { sendJson } from './respond.ts';

export type ReadyReport = { readonly ready: boolean; readonly detail: Readonly<Record<string, unknown>> };

export type HealthDesk = {
  readonly metrics: () => Promise<{ body: string; type: string }>;
  readonly ready: () => ReadyReport;
};

export function mountHealth(app: Express, { metrics, ready }: HealthDesk): void {
  app.get('/livez', (_request, response) => sendJson(response, 200, { live: true }));
  app.get('/readyz', (request, response) => {
    const report = ready();
    const body = 'verbose' in request.query ? { ready: report.ready, ...report.detail } : { ready: report.ready };
    sendJson(response, report.ready ? 200 : 503, body);
  });
  app.get('/metrics', async (_request, response) => {
    const { body, type } = await metrics();
    response.type(type).send(body);
  });
}
