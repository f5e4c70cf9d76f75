/**
 * POST /v1/models/{m}[/versions/{v}]/jobs/bulk: an inference request a line, an answer a line, in order. What is good is
 * accepted though other lines are not. Lines are read while earlier ones are on their way to the queue, but only so many:
 * then the client has to wait. An answer goes out as soon as those before it have.
 */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

import { Failure } from '@batchyard/shared/contract/failure';

import { readAnnounced, type Announced, type Limits, type ModelLookup, type Noted } from './infer-route.ts';
import type { ModelPath } from './paths.ts';
import { readInPieces, type Exchange } from './read-body.ts';
import { readLines } from './read-lines.ts';
import { asFailure } from './respond.ts';
import type { Placing } from './submit-job.ts';
import { claimOf, idempotencyKey } from './submit-options.ts';

type Parts = { readonly placing: Placing; readonly models: ModelLookup; readonly limits: Limits };
type Asking = Exchange & { readonly noted: Noted };
type Bulk = {
  readonly response: ServerResponse;
  readonly announced: Announced;
  readonly path: ModelPath;
  readonly key: string | undefined;
  readonly tags: string | undefined;
  readonly webhook: string | undefined;
};

const MOST_LINES = 1_000;
const MOST_AT_ONCE = 64;
const LINGER_MS = 1_000;

/** Answers in the order in which they were begun. */
function createRow(response: ServerResponse) {
  let last: Promise<void> = Promise.resolve();
  const open: Promise<void>[] = [];

  async function write(told: Record<string, unknown>): Promise<void> {
    if (response.destroyed) return;
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    if (response.write(`${JSON.stringify(told)}\n`)) return;
    const gone = new AbortController();
    const { signal } = gone;
    await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]).catch(
      () => undefined,
    );
    gone.abort();
  }
  return {
    size: () => open.length,
    add(answer: Promise<Record<string, unknown>>): void {
      const before = last;
      last = Promise.all([answer, before]).then(([told]) => write(told));
      open.push(last);
    },
    oldest: async (): Promise<void> => open.shift(),
    all: (): Promise<void> => last,
  };
}

/** The rest of a body that is not wanted is read for a moment, for a reset would overtake the answer. */
function end({ request, response }: Exchange): void {
  response.end();
  if (request.complete) return;
  request.resume();
  const timer = setTimeout(() => request.destroy(), LINGER_MS);
  request.once('close', () => clearTimeout(timer));
}

const told = (error: unknown): Record<string, unknown> => {
  const { kind, code, message } = asFailure(error);
  return { status: kind.status, code, detail: message };
};

export function createBulk({ placing, models, limits }: Parts) {
  const { inFlight } = limits.intake;

  async function placeLine(
    line: Buffer | undefined,
    number: number,
    { response, announced, path, key: given, tags, webhook }: Bulk,
  ): Promise<Record<string, unknown>> {
    if (line === undefined)
      throw new Failure('too_large', `the line exceeds the maximum allowed size of ${limits.jsonBytes} bytes`);
    inFlight.enter(line.byteLength);
    const body = { body: line, headerLength: undefined };
    const key = given === undefined ? undefined : claimOf(announced.caller.tenant, `${given}#${number}`);
    const wanted = { response, announced, path, key, read: async () => body, tags, webhook };
    const { ticket, replayed } = await placing.take(wanted, {});
    return replayed ? { status: 202, id: ticket.id, replayed } : { status: 202, id: ticket.id };
  }

  async function readAll({ request, response }: Exchange, bulk: Bulk): Promise<void> {
    const row = createRow(response);
    let [number, held] = [0, 0];
    let defect: unknown;
    async function answerLine(line: Buffer | undefined, bytes: number): Promise<Record<string, unknown>> {
      held += bytes;
      try {
        const answer = placeLine(line, number, bulk);
        inFlight.came(request, bytes);
        return await answer;
      } catch (error) {
        if (!(error instanceof Failure)) defect = error;
        return told(error);
      } finally {
        held -= bytes;
        inFlight.came(request, -bytes);
      }
    }
    inFlight.enter(0);
    try {
      for await (const line of readLines(readInPieces({ request, response }, limits.binaryBytes), limits.jsonBytes)) {
        number += 1;
        if (number > MOST_LINES) throw new Failure('too_large', `a request has ${MOST_LINES} lines at most`);
        row.add(answerLine(line, line?.byteLength ?? 0));
        while (row.size() > 0 && (row.size() >= MOST_AT_ONCE || held > limits.jsonBytes)) await row.oldest();
        if (response.destroyed) break;
      }
      if (number === 0) throw new Failure('bad_request', 'the body has no lines');
    } catch (error) {
      if (number === 0) throw error;
      row.add(Promise.resolve(told(error)));
    }
    await row.all();
    end({ request, response });
    // Its line has been told that something is wrong; the log is told what.
    if (defect !== undefined) throw defect;
  }

  async function submitBulk({ request, response, noted }: Asking, path: ModelPath): Promise<void> {
    const announced = readAnnounced({ request, noted }, path, models);
    const key = idempotencyKey(request.headers);
    await readAll({ request, response }, { response, announced, path, key, ...placing.wishes(request) });
  }
  return { submitBulk };
}
