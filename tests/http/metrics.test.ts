/** What Prometheus is told: all of it is there, by the rules of its own linter, and the sums are those of what happened. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { makeTestModels } from '../../models/make-test-models.ts';
import { ended, submitJob } from '../support/jobs.ts';
import { checkMetrics, findPromtool } from '../support/promtool.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { post, simpleBody } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';

const ANSWERED = 5;
const SUBMITTED = 3;

let redis: TestRedis;
let models: string;
let system: System;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-metrics-'));
  await makeTestModels(models, ['simple']);
  redis = await startRedis();
  system = await startSystem({ REDIS_URL: redis.url, BATCHYARD_MODELS: models });
  for (let i = 0; i < ANSWERED; i += 1) {
    const answer = await post(`${system.url}/v2/models/simple/infer`, simpleBody(i), { 'batchyard-priority': 'high' });
    assert.equal(answer.status, 200);
  }
  assert.equal((await post(`${system.url}/v2/models/simple/infer`, {})).status, 400);
  for (let i = 0; i < SUBMITTED; i += 1) await ended(system.url, await submitJob(system.url, 'simple', simpleBody(i)));
});
after(async () => {
  await system.stop();
  await redis.stop();
  await rm(models, { recursive: true, force: true });
});

const gateway = async (): Promise<string> => (await fetch(`${system.ops}/metrics`)).text();
async function worker(): Promise<string> {
  const [line] = (await system.workers()) as unknown as { ops_port: number }[];
  return (await fetch(`http://127.0.0.1:${line?.ops_port}/metrics`)).text();
}

/** The value of a series; labels as they are written. */
function valueOf(text: string, series: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

const GATEWAY = [
  'batchyard_http_request_duration_seconds',
  'batchyard_inference_request_duration_seconds',
  'batchyard_inference_requests_total',
  'batchyard_memory_budget_bytes',
  'batchyard_queue_jobs',
  'batchyard_queue_oldest_job_age_seconds',
  'batchyard_sla_violations_total',
  'batchyard_workers',
  'batchyard_cache_hits_total',
  'batchyard_cache_misses_total',
  'batchyard_build_info',
  'batchyard_alerts',
  'nv_inference_pending_request_count',
  'nv_inference_request_success',
  'nv_inference_request_failure',
  'nv_cache_num_hits_per_model',
  'nv_cache_num_misses_per_model',
];
const WORKER = [
  'batchyard_inference_queue_duration_seconds',
  'batchyard_inference_assemble_duration_seconds',
  'batchyard_inference_compute_duration_seconds',
  'batchyard_inference_reply_duration_seconds',
  'batchyard_batch_rows',
  'batchyard_batches_total',
  'batchyard_worker_up',
  'batchyard_worker_busy_ratio',
  'batchyard_worker_event_loop_delay_seconds',
  'batchyard_memory_pool_bytes',
  'batchyard_build_info',
  'nv_inference_request_success',
  'nv_inference_request_failure',
  'nv_inference_count',
  'nv_inference_exec_count',
  'nv_inference_request_duration_us',
  'nv_inference_queue_duration_us',
  'nv_inference_compute_input_duration_us',
  'nv_inference_compute_infer_duration_us',
  'nv_inference_compute_output_duration_us',
];

test('every metric that is promised is there', async () => {
  for (const [text, names] of [
    [await gateway(), GATEWAY],
    [await worker(), WORKER],
  ] as const) {
    const declared = new Set(Array.from(text.matchAll(/^# TYPE (\S+)/gm), ([, name]) => name));
    assert.deepEqual(
      names.filter((name) => !declared.has(name)),
      [],
    );
  }
});

test('sums are those of what happened', async () => {
  const model = 'model="simple",version="1"';
  const told = await gateway();
  const requests = `batchyard_inference_requests_total{${model},class`;
  assert.equal(valueOf(told, `${requests}="high",outcome="success"}`), ANSWERED);
  assert.equal(valueOf(told, `${requests}="normal",outcome="success"}`), SUBMITTED);
  assert.equal(valueOf(told, `${requests}="normal",outcome="invalid"}`), 1);
  const latency = 'batchyard_inference_request_duration_seconds_count{model="simple",class';
  assert.equal(valueOf(told, `${latency}="high"}`), ANSWERED);
  assert.equal(valueOf(told, `${latency}="normal"}`), undefined);
  assert.equal(valueOf(told, `nv_inference_pending_request_count{${model}}`), 0);
  const jobs = ANSWERED + SUBMITTED;
  assert.equal(valueOf(told, `batchyard_inference_jobs_total{${model},outcome="success"}`), jobs);
  const ran = await until('the worker tells of all', async () => {
    const text = await worker();
    return valueOf(text, `nv_inference_request_success{${model}}`) === jobs ? text : undefined;
  });
  assert.equal(valueOf(ran, `nv_inference_count{${model}}`), jobs);
  const [runs = 0, whole = 0, queued = 0, inferring = 0] = [
    `nv_inference_exec_count{${model}}`,
    `nv_inference_request_duration_us{${model}}`,
    `nv_inference_queue_duration_us{${model}}`,
    `nv_inference_compute_infer_duration_us{${model}}`,
  ].map((series) => valueOf(ran, series) ?? 0);
  assert.ok(runs > 0 && runs <= jobs);
  assert.ok(inferring > 0 && whole >= queued + inferring);
  assert.equal(valueOf(ran, 'batchyard_inference_queue_duration_seconds_count{model="simple"}'), jobs);
  assert.equal(valueOf(ran, 'batchyard_worker_up'), 1);
});

test('no label is an id', async () => {
  const [line] = await system.workers();
  for (const text of [await gateway(), await worker()]) {
    assert.ok(!text.includes(`"${line?.id}"`));
    const labels = new Set(Array.from(text.matchAll(/[{,]([a-z_]+)="/g), ([, name]) => name));
    assert.ok(
      ![...labels].some((name) => /(?:^|_)(?:id|worker|gateway|job|tenant|key)$/.test(name ?? '')),
      [...labels].join(),
    );
  }
});

test('promtool has nothing to say, but of the names that are Triton’s', { timeout: 900_000 }, async (t) => {
  const promtool = await findPromtool();
  if (promtool === undefined) {
    t.skip('no promtool, no package of it, and no Go to build it');
    return;
  }
  for (const text of [await gateway(), await worker()]) {
    const problems = await checkMetrics(promtool, text);
    assert.deepEqual(
      problems.filter((line) => !line.startsWith('nv_')),
      [],
    );
    // What is wrong by the linter with a name that had to be this one.
    const named =
      /(?:should have "_total" suffix|should not have "_count" suffix|should not contain abbreviated units)$/;
    assert.deepEqual(
      problems.filter((line) => !named.test(line)),
      [],
    );
  }
  assert.deepEqual(await checkMetrics(promtool, '# TYPE a_total gauge\na_total 1\n'), [
    'a_total no help text',
    'a_total non-counter metrics should not have "_total" suffix',
  ]);
});
