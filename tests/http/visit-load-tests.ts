/** A load test begun, found to run, and stopped, each answer held against the document. */
import assert from 'node:assert/strict';

import { readEvents } from '../support/event-stream.ts';
import type { Api } from '../support/openapi.ts';
import { until } from '../support/system.ts';

type Send = (route: string, init?: { readonly body?: unknown; readonly path?: string }) => Promise<Response>;

export async function visitLoadTests(api: Api, send: Send): Promise<void> {
  async function told<T>(status: number, ...asked: Parameters<Send>): Promise<T> {
    const answer = await send(...asked);
    assert.equal(answer.status, status, asked[0]);
    return api.check<T>(asked[0], answer);
  }
  const ask = { model: 'simple', rate: 5, seconds: 30 };
  const { id } = await told<{ id: string }>(202, 'post /v1/loadtests', { body: ask });
  const path = `/v1/loadtests/${id}`;
  await told(409, 'post /v1/loadtests', { body: ask });
  const stream = await readEvents(api.url, undefined, '/v1/loadtests', api.headers);
  await until('it is told of', async () => stream.seen.find(({ event }) => event === 'run'));
  await told(202, 'delete /v1/loadtests/{id}', { path });
  await until('it has ended', async () =>
    (await told<{ runs: unknown[] }>(200, 'get /v1/loadtests')).runs.length > 0 ? true : undefined,
  );
  await told(404, 'delete /v1/loadtests/{id}', { path });
  await stream.close();
  assert.deepEqual([...api.checkEvents('get /v1/loadtests', stream.seen)], ['run']);
}
