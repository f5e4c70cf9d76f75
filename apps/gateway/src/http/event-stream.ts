/**
 * GET /v1/events on the operations port: what happens, as server-sent events. An id for each, so that a watcher who comes
 * back with Last-Event-ID has missed nothing that is still held. Bounded: so many watchers, and one who does not read is
 * dropped, for he will come back.
 */
import type { Express, Request, Response } from 'express';

import { Failure } from '@batchyard/shared/contract/failure';

import { sendJson } from './respond.ts';

type Told = { readonly id: string; readonly name: string; readonly data: string };

export type EventDesk = {
  /** For those who want no stream. */
  events(): readonly unknown[];
  since(id: string | undefined): readonly Told[];
  subscribe(listener: (told: readonly Told[]) => void): () => void;
};

const MOST_WATCHERS = 64;
const UNREAD_BYTES = 524_288;
const HEARTBEAT_MS = 15_000;
const RETRY_MS = 2_000;
const STREAM_ID = /^\d{1,16}-\d{1,20}$/;

const message = ({ id, name, data }: Told): string => `id: ${id}\nevent: ${name}\ndata: ${data}\n\n`;

/** @returns what ends all streams */
export function mountEvents(app: Express, { events, since, subscribe }: EventDesk): () => void {
  const watchers = new Map<Response, () => void>();

  function send(response: Response, text: string): void {
    if (text === '' || response.destroyed) return;
    response.write(text);
    if (response.writableLength > UNREAD_BYTES) response.destroy();
  }

  function open(request: Request, response: Response): void {
    if (watchers.size >= MOST_WATCHERS)
      throw new Failure('overloaded', 'too many watch the events of this gateway', { retryAfterS: 5 });
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    const last = request.get('last-event-id') ?? '';
    const missed = since(STREAM_ID.test(last) ? last : undefined);
    send(response, `retry: ${RETRY_MS}\n\n${missed.map(message).join('')}`);
    const stop = subscribe((told) => send(response, told.map(message).join('')));
    const heartbeat = setInterval(() => send(response, ': still here\n\n'), HEARTBEAT_MS);
    const leave = (): void => {
      stop();
      clearInterval(heartbeat);
      watchers.delete(response);
    };
    watchers.set(response, leave);
    response.once('close', leave);
  }

  app.get('/v1/events', (request, response) => {
    if (request.accepts(['text/event-stream', 'application/json']) === 'application/json')
      sendJson(response, 200, { events: events() });
    else open(request, response);
  });
  return () => {
    for (const [response, leave] of watchers) {
      leave();
      response.end();
    }
  };
}
