/** GET and POST /v1/loadtests, DELETE /v1/loadtests/{id} on the operations port: a load test beside the gateway, bounded. */
import { Failure } from '@batchyard/shared/contract/failure';
import { loadAskSchema, type LoadAsk, type LoadRun } from '@batchyard/shared/contract/load-test';
import type { Express, Response } from 'express';

import { readSmallBody } from './read-body.ts';
import { sendJson } from './respond.ts';

export type LoadDesk = {
  start(ask: LoadAsk): Promise<LoadRun>;
  stop(id: string): LoadRun;
  list(): Promise<object>;
  running(): LoadRun | undefined;
  subscribe(listener: (run: LoadRun) => void): () => void;
};

const BODY_LIMIT = 4_096;
const MOST_WATCHERS = 16;
const UNREAD_BYTES = 1_048_576;
const HEARTBEAT_MS = 15_000;

/** @throws Failure bad_request that points at what is wrong */
function readAsk(body: Buffer): LoadAsk {
  let given: unknown;
  try {
    given = JSON.parse(body.toString());
  } catch {
    throw new Failure('bad_request', 'the body is not JSON');
  }
  const parsed = loadAskSchema.safeParse(given);
  if (!parsed.success) {
    const pointers = parsed.error.issues.map((issue) => `/${issue.path.join('/')}`);
    throw new Failure('bad_request', parsed.error.issues.map((issue) => issue.message).join('; '), { pointers });
  }
  if (parsed.data.rate !== undefined && parsed.data.clients !== undefined)
    throw new Failure('bad_request', 'give a rate or a number of clients, not both', { pointers: ['/clients'] });
  return parsed.data;
}

/** @returns what ends all streams */
export function mountLoadTests(app: Express, desk: LoadDesk): () => void {
  const watchers = new Map<Response, () => void>();

  function watch(response: Response): void {
    if (watchers.size >= MOST_WATCHERS)
      throw new Failure('overloaded', 'too many watch the load tests of this gateway', { retryAfterS: 5 });
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    const send = (text: string): void => {
      if (response.destroyed) return;
      response.write(text);
      if (response.writableLength > UNREAD_BYTES) response.destroy();
    };
    const tell = (run: LoadRun): void => send(`event: run\ndata: ${JSON.stringify(run)}\n\n`);
    send('retry: 2000\n\n');
    const now = desk.running();
    if (now) tell(now);
    const stop = desk.subscribe(tell);
    const heartbeat = setInterval(() => send(': still here\n\n'), HEARTBEAT_MS);
    const leave = (): void => {
      stop();
      clearInterval(heartbeat);
      watchers.delete(response);
    };
    watchers.set(response, leave);
    response.once('close', leave);
  }

  app.get('/v1/loadtests', async (request, response) => {
    if (request.accepts(['application/json', 'text/event-stream']) === 'text/event-stream') return watch(response);
    return sendJson(response, 200, await desk.list());
  });
  app.post('/v1/loadtests', async (request, response) => {
    const ask = readAsk(await readSmallBody({ request, response }, BODY_LIMIT));
    sendJson(response, 202, await desk.start(ask));
  });
  app.delete('/v1/loadtests/:id', (request, response) => sendJson(response, 202, desk.stop(request.params.id)));
  return () => {
    for (const [response, leave] of watchers) {
      leave();
      response.end();
    }
  };
}
