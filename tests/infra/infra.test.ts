/** The rules and the dashboard in `infra` ask for what a running system tells, and lead where they say. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { SEVERITIES } from '@batchyard/shared/contract/sample';

import { RULES } from '../../apps/gateway/src/monitor/thresholds.ts';
import { makeTestModels } from '../../models/make-test-models.ts';
import { ended, submitJob } from '../support/jobs.ts';
import { findPromtool, runPromtool } from '../support/promtool.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { post, simpleBody } from '../support/simple-client.ts';
import { startSystem, until, type System } from '../support/system.ts';
import { filledIn, layoutProblems, readDashboard } from './dashboard.ts';
import { readRules, type Rule } from './rule-files.ts';
import { addAlerts, addRecord, addText, labelsOf, problemsOf, type Series } from './series.ts';

const ROOT = new URL('../../', import.meta.url);
const PROMETHEUS = new URL('infra/prometheus/', ROOT);
const textOf = (path: string): Promise<string> => readFile(new URL(path, ROOT), 'utf8');

const rules: Rule[] = [
  ...(await readRules(new URL('rules/recording.yml', PROMETHEUS))),
  ...(await readRules(new URL('rules/alerts.yml', PROMETHEUS))),
];
const alerts = rules.filter(({ kind }) => kind === 'alert');
const dashboard = await readDashboard(new URL('infra/grafana/dashboards/batchyard.json', ROOT));
const queries = [
  ...dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({ title, expression: filledIn(expr), legend: legendFormat })),
  ),
  ...dashboard.annotations.list.map(({ expr }) => ({ title: 'annotation', expression: filledIn(expr), legend: '' })),
];

let redis: TestRedis;
let folder: string;
let system: System;
const series: Series = new Map();

/** A bit of everything: each class, a repeated request, a job. */
async function load(): Promise<void> {
  for (const [i, name] of ['critical', 'high', 'normal', 'low', 'low'].entries()) {
    const answer = await post(`${system.url}/v2/models/simple/infer`, simpleBody(i % 4), {
      'batchyard-priority': name,
    });
    assert.equal(answer.status, 200);
  }
  assert.equal((await post(`${system.url}/v2/models/simple/infer`, {})).status, 400);
  await ended(system.url, await submitJob(system.url, 'simple', simpleBody(9)));
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batchyard-infra-'));
  const models = join(folder, 'models');
  await mkdir(models);
  await makeTestModels(models, ['simple']);
  redis = await startRedis();
  system = await startSystem({ REDIS_URL: redis.url, BATCHYARD_MODELS: models, BATCHYARD_CACHE: 'on' });
  await load();
  const [worker] = (await system.workers()) as unknown as { ops_port: number }[];
  // Some gauges are set with the worker's next beat.
  const told = await until('the worker tells of the load', async () => {
    const text = await (await fetch(`http://127.0.0.1:${worker?.ops_port}/metrics`)).text();
    return /^batchyard_batch_fill_ratio\{.*\} (?!0$)/m.test(text) ? text : undefined;
  });
  addText(series, 'batchyard-worker', told);
  addText(series, 'batchyard-gateway', await (await fetch(`${system.ops}/metrics`)).text());
  for (const rule of rules) if (rule.kind === 'record') addRecord(series, rule);
  addAlerts(
    series,
    alerts.map(({ name }) => name),
  );
});
after(async () => {
  await system.stop();
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Outcomes that need a fault to come about are those that the page on metrics promises. */
async function promised(): Promise<(value: string) => boolean> {
  const page = await textOf('docs/monitoring.md');
  return (value) => page.includes(`\`${value}\``);
}

test('every rule asks for metrics, labels and values that there are', async () => {
  assert.ok(rules.length > 30);
  const known = await promised();
  const problems = rules.flatMap(({ name, expression }) =>
    problemsOf(series, expression, known).map((problem) => `${name}: ${problem}`),
  );
  assert.deepEqual(problems, []);
});

test('every query of the dashboard asks for metrics, labels and values that there are', async () => {
  assert.ok(queries.length > 40);
  const known = await promised();
  const problems = queries.flatMap(({ title, expression }) =>
    problemsOf(series, expression, known).map((problem) => `${title}: ${problem}`),
  );
  assert.deepEqual(problems, []);
});

test('legends and descriptions name labels that the result has', () => {
  const legends = queries.flatMap(({ title, expression, legend }) =>
    Array.from(legend.matchAll(/\{\{(\w+)\}\}/g), ([, label = '']) => ({ of: title, expression, label })),
  );
  const templates = alerts.flatMap(({ name, expression, annotations }) =>
    Array.from([...annotations.values()].join(' ').matchAll(/\$labels\.(\w+)/g), ([, label = '']) => ({
      of: name,
      expression,
      label,
    })),
  );
  assert.ok(legends.length > 20 && templates.length > 3);
  const wrong = [...legends, ...templates].filter(
    ({ expression, label }) => !labelsOf(series, expression).includes(label),
  );
  assert.deepEqual(wrong, []);
});

test('the variable of the dashboard is a label that there is', () => {
  const [, model] = dashboard.templating.list;
  const query = JSON.stringify(model?.query);
  const [, metric = '', label = ''] = /"label_values\((\w+), (\w+)\)"/.exec(query) ?? [];
  assert.ok(series.get(metric)?.get(label)?.has('simple'));
});

test('the panels have ids and places of their own, and take the data source that is chosen', async () => {
  assert.deepEqual(layoutProblems(dashboard.panels), []);
  const [variable] = dashboard.templating.list;
  assert.deepEqual([variable?.name, variable?.type, variable?.query], ['datasource', 'datasource', 'prometheus']);
  const targets = [...dashboard.panels.flatMap(({ targets: all = [] }) => all), ...dashboard.annotations.list];
  for (const { datasource } of targets) assert.deepEqual(datasource, { type: 'prometheus', uid: '${datasource}' });
  for (const { type, description, title } of dashboard.panels) assert.ok(type === 'row' || description, title);
  const chosen = JSON.stringify(variable).match(/"value":"([^"]+)"/)?.[1];
  assert.match(await textOf('infra/grafana/provisioning/datasources/prometheus.yml'), new RegExp(`uid: ${chosen}\n`));
});

test('every alert has a severity, a sentence and a section of the runbooks, and every section an alert', async () => {
  const base = '{{ $externalLabels.runbooks }}#';
  assert.match(await textOf('infra/prometheus/prometheus.yml'), /^ {4}runbooks: https:\S+\/docs\/runbooks\.md$/m);
  const sections = (await textOf('docs/runbooks.md')).split(/^## /m).slice(1);
  const anchors = sections.map((section) => section.slice(0, section.indexOf('\n')).toLowerCase().replaceAll(' ', '-'));
  const links = alerts.map(({ name, labels, annotations }) => {
    assert.match(labels.get('severity') ?? '', /^(?:warning|critical)$/, name);
    assert.ok(annotations.get('summary') && annotations.get('description'), name);
    const link = annotations.get('runbook_url') ?? '';
    assert.ok(link.startsWith(base), name);
    return link.slice(base.length);
  });
  assert.deepEqual([...new Set(links)].toSorted(), anchors.toSorted());
  for (const section of sections)
    for (const part of ['**Means:**', '**Look at:**', '**Do:**'])
      assert.ok(section.includes(part), section.slice(0, 40));
});

test('the thresholds are those of the cluster’s own alerts', () => {
  const names: Readonly<Record<string, string>> = {
    latency_p95: 'LatencyHigh',
    memory: 'MemoryHigh',
    error_rate: 'ErrorRateHigh',
    queue_depth: 'QueueDeep',
    cache_hit_rate: 'CacheHitRateLow',
  };
  for (const { metric, thresholds, lowerIsWorse } of RULES.filter((rule) => rule.metric !== 'cpu'))
    for (const severity of SEVERITIES) {
      const found = alerts.find(
        ({ name, labels }) => name === `Batchyard${names[metric]}` && labels.get('severity') === severity,
      );
      const [, sign, part, whole = '1'] = /([<>]) ([\d.]+)(?: \/ (\d+))?$/.exec(found?.expression ?? '') ?? [];
      assert.equal(sign, lowerIsWorse ? '<' : '>', metric);
      const unit = metric === 'latency_p95' ? 1_000 : 1;
      assert.equal((Number(part) / Number(whole)) * unit, thresholds[severity], `${metric}, ${severity}`);
    }
});

test('promtool accepts the configuration, the rules and the queries, and the alerts speak when they should', async (t) => {
  const promtool = await findPromtool();
  if (promtool === undefined) {
    t.skip('no promtool, no package of it, and no Go to build it');
    return;
  }
  const asRules = {
    groups: [{ name: 'dashboard', rules: queries.map(({ expression: expr }) => ({ record: 'a', expr })) }],
  };
  const dashboardRules = join(folder, 'dashboard.json');
  await writeFile(dashboardRules, JSON.stringify(asRules));
  const rulesAt = new URL('rules/', PROMETHEUS);
  const ruleFiles = (await readdir(rulesAt)).map((file) => fileURLToPath(new URL(file, rulesAt)));
  for (const args of [
    ['check', 'config', fileURLToPath(new URL('prometheus.yml', PROMETHEUS))],
    ['check', 'rules', ...ruleFiles],
    // Two panels may ask for the same, which the linter would not have in rules.
    ['check', 'rules', '--lint=none', dashboardRules],
    ['test', 'rules', fileURLToPath(new URL('alerts.yml', import.meta.url))],
  ]) {
    const { ok, said } = await runPromtool(promtool, args);
    assert.ok(ok, said);
  }
});
