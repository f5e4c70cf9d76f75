/** The cluster watches itself: its history outlives the gateway that writes it, and real load raises an alert, which clears. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { connectRedis, type Redis } from '@batchyard/shared/runtime/redis';

import { makeTestModels } from '../../models/make-test-models.ts';
import { readEvents, type EventReader } from '../support/event-stream.ts';
import { oneRow, submitJob } from '../support/jobs.ts';
import { processesOf } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { post, simpleBody } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

type Call = { readonly type: string | undefined; readonly alerts: readonly Record<string, unknown>[] };
/** So many wait while the load lasts: more than the threshold. */
const WAITING = 400;
const AT_ONCE = 100;

let redis: TestRedis;
let admin: Redis;
let models: string;
let receiver: Server;
const calls: Call[] = [];
let refuse = 1;
let one: System;
let other: System;

before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-monitor-'));
  await makeTestModels(models, ['slower', 'simple']);
  redis = await startRedis();
  admin = connectRedis(redis.url, 'commands');
  await admin.connect();
  receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      // The first call is refused: it comes again.
      const refused = refuse > 0;
      refuse -= 1;
      if (!refused) calls.push({ type: request.headers['content-type'], alerts: JSON.parse(body) as Call['alerts'] });
      response.writeHead(refused ? 503 : 200).end();
    });
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const { port } = receiver.address() as AddressInfo;
  const env = {
    REDIS_URL: redis.url,
    BATCHYARD_MODELS: models,
    BATCHYARD_ALERT_WEBHOOK: `http://127.0.0.1:${port}/api/v2/alerts`,
  };
  one = await startSystem(env);
  other = await startSystem(env);
});
after(async () => {
  await one.stop();
  await other.stop();
  admin.disconnect();
  receiver.close();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

type Shown = {
  readonly at_ms: number;
  readonly covers_ms: number;
  readonly gateways: number;
  readonly requests_per_s: number;
  readonly processes: readonly { readonly kind: string; readonly rss_bytes: number; readonly cpu_cores: number }[];
};
type Alert = { readonly id: string; readonly metric: string; readonly acknowledged_ms: number | null };

async function ask<T>(system: System, path: string): Promise<T> {
  const answer = await fetch(`${system.ops}${path}`);
  assert.equal(answer.status, 200, path);
  return (await answer.json()) as T;
}
const history = async (system: System): Promise<Shown[]> =>
  (await ask<{ samples: Shown[] }>(system, '/v1/performance/history')).samples;
const alerts = async (system: System): Promise<Alert[]> =>
  (await ask<{ alerts: Alert[] }>(system, '/v1/alerts')).alerts;
const told = ({ seen }: EventReader): { what: string; metric: string }[] =>
  seen.filter(({ event }) => event === 'alert').map(({ data }) => data['detail'] as { what: string; metric: string });

async function keepWaiting(): Promise<void> {
  const { depth } = await ask<{ depth: number }>(one, '/v1/queues/slower');
  if (depth > WAITING) return;
  const body = oneRow('INPUT0', 'FP32', [1, 0, 0, 0]);
  await Promise.all(Array.from({ length: AT_ONCE }, () => submitJob(one.url, 'slower', body)));
}

test('both gateways show one history, with what each of them did', { timeout: 180_000 }, async () => {
  let sent = 0;
  const both = await until('a second in which both answered', async () => {
    for (const system of [one, other]) {
      const answer = await post(`${system.url}/v2/models/simple/infer`, simpleBody((sent += 1)));
      assert.equal(answer.status, 200);
    }
    return (await history(one)).find(({ gateways, requests_per_s }) => gateways === 2 && requests_per_s > 0);
  });
  assert.equal(both.processes.filter(({ kind }) => kind === 'gateway').length, 2);
  assert.ok(both.processes.every(({ rss_bytes }) => rss_bytes > 10_000_000));
  const same = await until('the other shows it too', async () =>
    (await history(other)).find(({ at_ms }) => at_ms === both.at_ms),
  );
  assert.deepEqual(same, both);
  // Nothing is counted twice, and nothing left out.
  await until('all answers are counted', async () => {
    const shown = await history(other);
    const counted = shown.reduce((sum, { requests_per_s, covers_ms }) => sum + (requests_per_s * covers_ms) / 1_000, 0);
    return Math.round(counted) === sent ? true : undefined;
  });
  const summary = await ask<{ latency_ms: { all: Record<string, number> } }>(one, '/v1/performance?window=60s');
  const { mean = 0, median = 0, p99 = 0 } = summary.latency_ms.all;
  assert.ok(mean > 0 && median > 0 && p99 >= median);
  const refused = await fetch(`${one.ops}/v1/performance?window=2h`);
  assert.equal(refused.status, 400);
});

test('the export is a file', async () => {
  const answer = await fetch(`${other.ops}/v1/performance/export`);
  assert.match(answer.headers.get('content-disposition') ?? '', /^attachment; filename="batchyard-[\dT-]+\.json"$/);
  const file = (await answer.json()) as { exported_at: string; summary: { samples: number }; samples: Shown[] };
  assert.ok(file.samples.length > 0 && file.summary.samples > 0);
  assert.ok(Math.abs(Date.parse(file.exported_at) - Date.now()) < 10_000);
});

test(
  'real load raises an alert: told by both gateways and to the webhook, acknowledged, and over',
  { timeout: 180_000 },
  async () => {
    const readers = [await readEvents(one.ops), await readEvents(other.ops)];
    try {
      const raised = await until('the alert is raised', async () => {
        await keepWaiting();
        return (await alerts(other)).find(({ metric }) => metric === 'queue_depth');
      });
      const acknowledged = await fetch(`${other.ops}/v1/alerts/${raised.id}/acknowledge`, { method: 'POST' });
      assert.equal(acknowledged.status, 200);
      const unknown = await fetch(`${other.ops}/v1/alerts/nothing/acknowledge`, { method: 'POST' });
      assert.equal(unknown.status, 404);
      const metrics = await (await fetch(`${one.ops}/metrics`)).text();
      assert.match(metrics, /^batchyard_alerts\{metric="queue_depth",severity="(?:warning|critical)"\} 1$/m);
      await until('the other gateway knows of it', async () =>
        (await alerts(one)).find(({ id, acknowledged_ms }) => id === raised.id && acknowledged_ms !== null),
      );
      for (const reader of readers)
        for (const what of ['raised', 'acknowledged', 'over'])
          await until(
            `the stream says ${what}`,
            async () => told(reader).find((alert) => alert.what === what && alert.metric === 'queue_depth'),
            120_000,
          );
      assert.deepEqual(
        await alerts(one),
        (await alerts(one)).filter(({ metric }) => metric !== 'queue_depth'),
      );
      await checkCalls();
    } finally {
      await Promise.all(readers.map((reader) => reader.close()));
    }
  },
);

/** What the webhook was told of the queue: raised, and over, as Alertmanager wants it. */
async function checkCalls(): Promise<void> {
  const own = (): Record<string, unknown>[] =>
    calls
      .flatMap((call) => call.alerts)
      .filter(({ labels }) => (labels as { metric: string }).metric === 'queue_depth');
  const endOf = (alert: Record<string, unknown>): number => Date.parse(String(alert['endsAt']));
  await until('the webhook hears the end', async () => own().find((alert) => endOf(alert) <= Date.now()));
  const [first] = own();
  assert.ok(first && calls.every(({ type }) => type === 'application/json'));
  assert.deepEqual(Object.keys(first).toSorted(), ['annotations', 'endsAt', 'generatorURL', 'labels', 'startsAt']);
  const labels = first['labels'] as Record<string, string>;
  assert.equal(labels['alertname'], 'BatchyardQueueDepth');
  assert.ok(endOf(first) > Date.parse(String(first['startsAt'])));
  assert.match(String(first['generatorURL']), /^http:\/\/127\.0\.0\.1:\d+\/v1\/alerts$/);
  // It would have been told by nobody had the refused call not been made again.
  assert.ok(refuse < 1);
}

test(
  'when the gateway that writes the history is killed, the other goes on with it',
  { timeout: 180_000 },
  async () => {
    const earlier = await history(other);
    const last = earlier.at(-1);
    assert.ok(last);
    const holder = await admin.get('{by0}:x:steering');
    const [ops, system] = (await steers(one)) ? [other, one] : [one, other];
    for (const pid of processesOf(system, 'gateway')) process.kill(pid, 'SIGKILL');
    const killedAtMs = Date.now();
    await until('another one steers', async () => {
      const now = await admin.get('{by0}:x:steering');
      return now !== null && now !== holder ? true : undefined;
    });
    const now = await until('the history goes on', async () => {
      const shown = await history(ops);
      return shown.filter(({ at_ms }) => at_ms > last.at_ms).length >= 3 ? shown : undefined;
    });
    // Nothing of the past is lost, nothing is told twice, and the break is as long as it takes to steer on.
    const times = now.map(({ at_ms }) => at_ms);
    assert.ok(earlier.every(({ at_ms }) => times.includes(at_ms)));
    const gaps = times.slice(1).map((atMs, i) => atMs - (times[i] ?? 0));
    assert.ok(gaps.every((gap) => gap > 0));
    const next = now.find(({ at_ms }) => at_ms > killedAtMs);
    assert.ok(next && next.at_ms - killedAtMs <= 10_000, `${(next?.at_ms ?? 0) - killedAtMs} ms`);
  },
);

const steers = async ({ ops }: System): Promise<boolean> =>
  ((await (await fetch(`${ops}/readyz?verbose`)).json()) as { steers: boolean }).steers;
