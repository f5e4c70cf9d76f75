/**
 * GET /v1/jobs/{id}/events: the states of a job as server-sent events, until it has ended. All streams of a gateway share one
 * look at their jobs, five times a second, and each is told what it has not seen. Bounded: so many streams, and one whose
 * client does not read is dropped; it may come back with Last-Event-ID, here or at another gateway.
 */
import type { ServerResponse } from 'node:http';

import type { JobView } from '@batchyard/queue/operations';
import { Failure } from '@batchyard/shared/contract/failure';

import { isEnd, statesAfter, type StateEvent } from './job-states.ts';
import type { Exchange } from './read-body.ts';

type Parts = {
  /** Those of them that are there. */
  readonly views: (queue: string, ids: readonly string[]) => Promise<readonly JobView[]>;
  readonly draining: () => boolean;
};
type Found = { readonly queue: string; readonly view: JobView };
type Stream = { readonly queue: string; readonly job: string; seen: string | undefined; beatAt: number };

const MOST_STREAMS = 256;
const UNREAD_BYTES = 65_536;
const LOOK_MS = 200;
const HEARTBEAT_MS = 15_000;
const RETRY_MS = 2_000;

function message(view: JobView, { id, status, atMs }: StateEvent): string {
  const last = status === view.status;
  const data = {
    id: view.id,
    status,
    at: new Date(atMs).toISOString(),
    deliveries: view.deliveries,
    worker: last ? view.worker : undefined,
    error: last ? view.failure : undefined,
  };
  return `id: ${id}\nevent: ${status}\ndata: ${JSON.stringify(data)}\n\n`;
}

export function createJobEvents({ views, draining }: Parts) {
  const streams = new Map<ServerResponse, Stream>();
  let timer: NodeJS.Timeout | undefined;
  let looking = false;

  function leave(response: ServerResponse): void {
    streams.delete(response);
    if (streams.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }
  function finish(response: ServerResponse, text = ''): void {
    leave(response);
    response.end(text);
  }
  function send(response: ServerResponse, text: string): void {
    if (response.destroyed) return;
    response.write(text);
    if (response.writableLength > UNREAD_BYTES) response.destroy();
  }
  function tell(response: ServerResponse, stream: Stream, view: JobView): void {
    const states = statesAfter(view, stream.seen);
    stream.seen = states.at(-1)?.id ?? stream.seen;
    if (states.length > 0) send(response, states.map((one) => message(view, one)).join(''));
    if (isEnd(view)) finish(response);
  }
  function beat(now: number): void {
    for (const [response, stream] of streams) {
      if (now - stream.beatAt < HEARTBEAT_MS) continue;
      stream.beatAt = now;
      send(response, ': still here\n\n');
    }
  }
  /** One question for each queue, however many watch its jobs. */
  async function look(): Promise<void> {
    const queues = new Set([...streams.values()].map(({ queue }) => queue));
    for (const queue of queues) {
      const watched = [...streams].filter(([, stream]) => stream.queue === queue);
      const ids = [...new Set(watched.map(([, { job }]) => job))];
      const found = new Map((await views(queue, ids)).map((view) => [view.id, view]));
      for (const [response, stream] of watched) {
        const view = found.get(stream.job);
        if (!streams.has(response)) continue;
        if (view) tell(response, stream, view);
        // Taken out from outside.
        else finish(response, `event: gone\ndata: ${JSON.stringify({ id: stream.job })}\n\n`);
      }
    }
  }
  function turn(): void {
    // Another gateway goes on from Last-Event-ID.
    if (draining()) for (const response of streams.keys()) finish(response);
    else beat(performance.now());
    if (looking) return;
    looking = true;
    // While Redis is away there is nothing to tell.
    void look()
      .catch(() => undefined)
      .finally(() => (looking = false));
  }
  /** @throws Failure overloaded */
  function open({ request, response }: Exchange, { queue, view }: Found): void {
    const last = request.headers['last-event-id'];
    const seen = typeof last === 'string' ? last : undefined;
    // To an event source this means that it need not come back.
    if (isEnd(view) && statesAfter(view, seen).length === 0) {
      response.writeHead(204).end();
      return;
    }
    if (streams.size >= MOST_STREAMS)
      throw new Failure('overloaded', 'too many watch jobs at this gateway', { retryAfterS: 5 });
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    const stream: Stream = { queue, job: view.id, seen, beatAt: performance.now() };
    streams.set(response, stream);
    response.once('close', () => leave(response));
    send(response, `retry: ${RETRY_MS}\n\n`);
    timer ??= setInterval(turn, LOOK_MS);
    tell(response, stream, view);
  }
  return { open };
}
