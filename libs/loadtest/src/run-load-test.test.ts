/** The whole engine against small servers of its own: what they do must be what the report tells. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';

import { parseThreshold } from './judge/thresholds.ts';
import type { LoadPlan, RequestKind, Step } from './plan/load-plan.ts';
import { closedStep, steadyStep } from './plan/make-steps.ts';
import { runLoadTest, type LoadTest } from './run-load-test.ts';
import { openSystem, readTarget } from './system/ask-system.ts';

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

async function serve(t: TestContext, answer: Answer): Promise<string> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')));
    request.on('end', () => {
      if (request.method === 'GET') reply(response, 404, '{"error":"Not Found"}');
      else answer(request, response, body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const reply = (response: ServerResponse, status: number, body = '{}'): void => {
  response.writeHead(status, { 'content-length': Buffer.byteLength(body) }).end(body);
};

const KIND: RequestKind = {
  name: 'm',
  model: 'm',
  version: undefined,
  priority: 'normal',
  weight: 1,
  form: 'json',
  inputs: [{ name: 'A', datatype: 'FP32', shape: [1, 4] }],
};

function testOf(url: string, steps: readonly Step[], more: Partial<LoadPlan> = {}): LoadTest {
  const plan: LoadPlan = {
    target: readTarget(url, undefined),
    kinds: [KIND],
    repeats: 0,
    timeoutMs: 5_000,
    maxConnections: 64,
    generators: 1,
    seed: 1,
    stampFrom: 0,
    ...more,
  };
  return { plan, steps, arrivals: 'constant', lengths: { warmupS: 0, seconds: 1 }, thresholds: [], slo: [], refine: 0 };
}
const run = (asked: LoadTest, signal = new AbortController().signal) =>
  runLoadTest(asked, { system: openSystem(asked.plan.target, undefined), watch: {}, signal });
const steady = (rate: number, seconds: number, warmupS = 0): Step => steadyStep(rate, 'constant', { warmupS, seconds });

test('a stall of the server is in the percentiles of an open loop, and hidden by a closed one', async (t) => {
  // Answers at once, but for 600 ms that begin with the hundredth request.
  let [asked, stallUntil] = [0, 0];
  const url = await serve(t, (_request, response) => {
    asked += 1;
    if (asked === 100) stallUntil = performance.now() + 600;
    const wait = stallUntil - performance.now();
    if (wait > 0) setTimeout(() => reply(response, 200), wait);
    else reply(response, 200);
  });
  const open = await run(testOf(url, [steady(200, 2)]));
  asked = 0;
  const closed = await run(testOf(url, [closedStep(1, { warmupS: 0, seconds: 2 })]));
  const [openStep, closedStepResult] = [open.steps[0], closed.steps[0]];
  assert.ok(openStep && closedStepResult);
  assert.equal(openStep.succeeded, openStep.sent);
  assert.ok(Math.abs(openStep.sent - 400) <= 1, `${openStep.sent} were sent`);
  // 600 of 2,000 ms were a stall: three tenths of the requests were due in it, and waited 300 ms on average.
  assert.ok((openStep.latency.p90_ms ?? 0) > 250, `p90 ${openStep.latency.p90_ms}`);
  assert.ok((openStep.latency.max_ms ?? 0) > 500);
  assert.ok((closedStepResult.latency.p90_ms ?? 0) < 100, `closed p90 ${closedStepResult.latency.p90_ms}`);
  assert.match(closed.notes.join(' '), /Closed loop/);
});

test('a request that finds no connection free is charged from when it was due', async (t) => {
  const url = await serve(t, (_request, response) => setTimeout(() => reply(response, 200), 50));
  const report = await run(testOf(url, [steady(100, 1)], { maxConnections: 2 }));
  const [step] = report.steps;
  // Two connections take 40 a second: 100 a second pile up, and each waits for all before it.
  assert.ok(step && (step.latency.max_ms ?? 0) > 800, `max ${step?.latency.max_ms}`);
  assert.ok((step.from_send.max_ms ?? Infinity) < (step.latency.max_ms ?? 0) / 2);
  assert.ok(step.answered_per_s < 60, `${step.answered_per_s}/s`);
  assert.match(report.notes.join(' '), /Not all that was offered/);
});

test('every outcome is counted once under its reason, and the warm-up is left out', async (t) => {
  let asked = 0;
  const url = await serve(t, (_request, response) => {
    asked += 1;
    if (asked % 10 === 3) reply(response, 503, `{"error":"the predicted wait is ${asked} ms"}`);
    else if (asked % 10 === 7) response.destroy();
    else if (asked % 10 === 9) reply(response, 500, '{"error":"broken"}');
    else reply(response, 200);
  });
  const { steps } = await run(testOf(url, [steady(200, 1, 0.5)]));
  const [step] = steps;
  assert.ok(step && Math.abs(step.sent - 200) <= 1 && asked >= 300, `${step?.sent} of ${asked}`);
  assert.equal(step.succeeded + step.refused + step.failed, step.sent);
  assert.ok(Math.abs(step.refused - 20) <= 2 && Math.abs(step.failed - 40) <= 6, JSON.stringify(step.failures));
  assert.ok((step.failures['503 the predicted wait is n ms'] ?? 0) >= 18);
  assert.ok((step.failures['500 broken'] ?? 0) >= 18);
  assert.equal(
    Object.values(step.failures).reduce((sum, count) => sum + count, 0),
    step.refused + step.failed,
  );
});

test('a server that never answers is given up on, and told of', async (t) => {
  let first = true;
  const url = await serve(t, (_request, response) => {
    if (first) reply(response, 200);
    first = false;
  });
  const { steps } = await run(testOf(url, [steady(50, 0.4)], { timeoutMs: 200 }));
  assert.equal(steps[0]?.failures['no answer within 1200 ms'], 20);
  assert.equal(steps[0]?.latency.p99_ms, null);
});

test('several threads send one plan: the mix by weight, no input twice but for the repeats', async (t) => {
  const bodies: string[] = [];
  const url = await serve(t, (request, response, body) => {
    bodies.push(`${request.url} ${String(request.headers['batchyard-priority'])} ${body}`);
    reply(response, 200);
  });
  const kinds = [
    { ...KIND, weight: 3 },
    { ...KIND, name: 'n', model: 'n', priority: 'high' as const },
  ];
  const { steps } = await run(testOf(url, [steady(400, 1)], { kinds, generators: 2, repeats: 0.2 }));
  const [step] = steps;
  assert.ok(step && Math.abs(step.sent - 400) <= 1 && step.generator.threads === 2);
  const ofN = bodies.filter((one) => one.startsWith('/v2/models/n/infer high')).length;
  assert.ok(ofN > 70 && ofN < 130, `${ofN} of the lighter kind`);
  assert.deepEqual(
    step.kinds.map(({ name }) => name),
    ['m', 'n'],
  );
  const again = bodies.length - new Set(bodies).size;
  assert.ok(again > 40 && again < 120, `${again} came again`);
});

test('thresholds and the highest rate within an SLO are judged, with a step between', async (t) => {
  // One at a time, 10 ms each: a hundred a second.
  let freeAt = 0;
  const url = await serve(t, (_request, response) => {
    freeAt = Math.max(freeAt, performance.now()) + 10;
    setTimeout(() => reply(response, 200), freeAt - performance.now());
  });
  const asked = testOf(url, [steady(20, 1), steady(200, 1)]);
  const slo = [parseThreshold('p99<200ms')];
  const report = await run({ ...asked, slo, thresholds: [parseThreshold('errors<1%'), ...slo], refine: 1 });
  assert.equal(report.steps.length, 3);
  assert.ok((report.slo?.rate ?? 0) >= 20 && (report.slo?.rate ?? 0) < 100, `${report.slo?.rate}`);
  const missed = report.verdicts.filter(({ met }) => !met).map(({ threshold, step }) => `${threshold} at ${step}`);
  assert.ok(missed.includes('p99<200ms at 200/s'), missed.join());
  assert.ok(report.knee && report.knee.at < 150);
});

test('a request that is refused ends the test before it begins, with the reason', async (t) => {
  const url = await serve(t, (_request, response) => reply(response, 404, '{"error":"unknown model"}'));
  await assert.rejects(run(testOf(url, [steady(10, 1)])), /a request for m is answered with 404: unknown model/);
  await assert.rejects(
    run(testOf('http://127.0.0.1:1', [steady(10, 1)])),
    /does not answer a request for m: .*ECONNREFUSED/,
  );
});

test('a test that is stopped ends at once and says so', async (t) => {
  const url = await serve(t, (_request, response) => reply(response, 200));
  const stop = new AbortController();
  const running = run(testOf(url, [steady(50, 600)]), stop.signal);
  setTimeout(() => stop.abort(), 400);
  const report = await running;
  assert.equal(report.stopped, true);
  assert.equal(report.steps[0]?.failed, 0);
});
