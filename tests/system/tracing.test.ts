/** Traces: the spans of a request lie in the trace of its client, one below the other, over HTTP and gRPC; off, nothing is written. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { makeTestModels } from '../../models/make-test-models.ts';
import { grpcClient, simpleRequest } from '../support/grpc.ts';
import { oneRow } from '../support/jobs.ts';
import { post, simpleBody } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

type Span = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status?: { readonly code?: number; readonly message?: string };
};
type Sent = { resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: Span[] }[] }[] };
type Attribute = { readonly key: string; readonly value: { readonly stringValue?: string } };

/** As a collector takes OTLP over HTTP, in JSON. */
const spans: Span[] = [];
const services = new Set<string | undefined>();
const collector = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => (body += chunk.toString()));
  request.on('end', () => {
    for (const { resource, scopeSpans } of (JSON.parse(body) as Sent).resourceSpans) {
      services.add(resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue);
      for (const scope of scopeSpans) spans.push(...scope.spans);
    }
    response.setHeader('content-type', 'application/json');
    response.end('{}');
  });
});

let system: System;
let models: string;
before(async () => {
  collector.listen(0, '127.0.0.1');
  await once(collector, 'listening');
  const { port } = collector.address() as AddressInfo;
  models = await mkdtemp(join(tmpdir(), 'batchyard-tracing-'));
  await makeTestModels(models, ['simple', 'poison']);
  system = await startSystem({
    BATCHYARD_MODELS: models,
    GRPC_PORT: '0',
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_BSP_SCHEDULE_DELAY: '100',
  });
});
after(async () => {
  collector.close();
  await system.stop();
  collector.closeAllConnections();
  await rm(models, { recursive: true, force: true });
});

let traces = 0;
/** A trace of a client's own. */
function clientTrace(flags = '01') {
  traces += 1;
  const traceId = traces.toString(16).padStart(32, 'a');
  const spanId = traces.toString(16).padStart(16, 'b');
  return { traceId, spanId, header: `00-${traceId}-${spanId}-${flags}` };
}
const namesOf = (traceId: string): string[] =>
  spans
    .filter((span) => span.traceId === traceId)
    .map(({ name }) => name)
    .toSorted();

/** The request, its wait and its run, once they have all come. */
async function wholeTrace(traceId: string, request: string): Promise<readonly [Span, Span, Span]> {
  return until(`the spans of ${traceId}`, async () => {
    const own = spans.filter((span) => span.traceId === traceId);
    const [asked, waited, ran] = [request, 'queue', 'run'].map((name) => own.find((span) => span.name === name));
    return asked && waited && ran ? ([asked, waited, ran] as const) : undefined;
  });
}
const SLACK_NS = 5_000_000n;
const begins = ({ startTimeUnixNano }: Span): bigint => BigInt(startTimeUnixNano);
const ends = ({ endTimeUnixNano }: Span): bigint => BigInt(endTimeUnixNano);

/** One below the other, and one after the other. */
function checkTrace([request, queue, run]: readonly [Span, Span, Span], clientSpan: string): void {
  assert.equal(request.parentSpanId, clientSpan);
  assert.equal(queue.parentSpanId, request.spanId);
  assert.equal(run.parentSpanId, request.spanId);
  assert.ok(begins(request) <= begins(queue) + SLACK_NS);
  assert.ok(begins(queue) <= ends(queue) && ends(queue) <= begins(run) + SLACK_NS);
  assert.ok(begins(run) <= ends(run));
}

test('a request over HTTP, its wait and its run are in the trace of the client, and linked with the batch', async () => {
  const client = clientTrace();
  const answer = await post(`${system.url}/v2/models/simple/infer`, simpleBody(1), { traceparent: client.header });
  assert.equal(answer.status, 200);
  const whole = await wholeTrace(client.traceId, 'request infer');
  checkTrace(whole, client.spanId);
  assert.ok(ends(whole[2]) <= ends(whole[0]) + SLACK_NS);
  const [link] = whole[2].links ?? [];
  const batch = await until('its batch', async () => spans.find(({ spanId }) => spanId === link?.spanId));
  assert.equal(batch.name, 'batch');
  assert.notEqual(batch.traceId, client.traceId);
  assert.deepEqual(
    batch.links?.map(({ traceId, spanId }) => [traceId, spanId]),
    [[client.traceId, whole[0].spanId]],
  );
  assert.deepEqual(services, new Set(['batchyard-gateway', 'batchyard-worker']));
});

test('a call over gRPC is in the trace of its metadata', async () => {
  const client = clientTrace();
  const caller = grpcClient(system.grpc);
  await caller.call('ModelInfer', simpleRequest(1), { metadata: { traceparent: client.header } });
  caller.close();
  checkTrace(await wholeTrace(client.traceId, 'request infer'), client.spanId);
});

test('a submitted job runs in the trace of its submit', async () => {
  const client = clientTrace();
  const accepted = await post(`${system.url}/v1/models/simple/jobs`, simpleBody(2), { traceparent: client.header });
  assert.equal(accepted.status, 202);
  checkTrace(await wholeTrace(client.traceId, 'request submit'), client.spanId);
});

test('a request that fails has its span with the error, and no run', async () => {
  const client = clientTrace();
  const headers = { traceparent: client.header, 'batchyard-timeout-ms': '0.001' };
  const answer = await post(`${system.url}/v2/models/simple/infer`, simpleBody(3), headers);
  assert.equal(answer.status, 503);
  const [failed] = await until('its span', async () => {
    const own = spans.filter(({ traceId, name }) => traceId === client.traceId && name === 'request infer');
    return own.length > 0 ? own : undefined;
  });
  assert.equal(failed?.status?.code, 2);
});

test('a run that throws is in the trace of the job that it failed, and its mates have theirs', async () => {
  const clients = [4, 5_000, 6].map((code) => ({ code, ...clientTrace() }));
  const answers = await Promise.all(
    clients.map(({ code, header }) =>
      post(`${system.url}/v2/models/poison/infer`, oneRow('CODE', 'INT32', [code]), { traceparent: header }),
    ),
  );
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 500, 200],
  );
  for (const { code, traceId, spanId } of clients) {
    const whole = await wholeTrace(traceId, 'request infer');
    checkTrace(whole, spanId);
    const failed = code === 5_000;
    for (const span of [whole[0], whole[2]]) assert.equal(span.status?.code === 2, failed, span.name);
    assert.equal(whole[2].status?.message ?? '', failed ? 'model_error' : '');
  }
});

test('what a client does not sample is not recorded; without a traceparent, or with a broken one, a trace begins here', async () => {
  const unsampled = clientTrace('00');
  const infer = (headers: Record<string, string>) =>
    post(`${system.url}/v2/models/simple/infer`, simpleBody(4), headers);
  await infer({ traceparent: unsampled.header });
  const earlier = spans.filter(({ name, parentSpanId }) => name === 'request infer' && !parentSpanId).length;
  await infer({});
  await infer({ traceparent: '00-nonsense-01' });
  const roots = await until('two roots', async () => {
    const found = spans.filter(({ name, parentSpanId }) => name === 'request infer' && !parentSpanId);
    return found.length === earlier + 2 ? found : undefined;
  });
  for (const { traceId } of roots.slice(-2)) await wholeTrace(traceId, 'request infer');
  assert.deepEqual(namesOf(unsampled.traceId), []);
});
