/**
 * The manifests of `batchyard k8s render` against the schemas of Kubernetes, KEDA and the Prometheus operator, and the Helm
 * chart against them: filled in as Helm does it, it says the same.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { ScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject';
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';
import { Ajv } from 'ajv';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { Service } from 'kubernetes-models/v1/Service';
import { parse, parseAllDocuments } from 'yaml';

import { chartFiles, makeManifests, renderManifests } from '../../apps/cli/src/k8s/render.ts';
import { DEFAULT_VALUES, makeValues } from '../../apps/cli/src/k8s/values.ts';
import { SETTINGS } from './chart-settings.ts';
import { fillChart } from './fill-chart.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MODELS: Readonly<Record<string, new (data: never) => { validate(): void }>> = {
  Deployment,
  HorizontalPodAutoscaler,
  NetworkPolicy,
  PodDisruptionBudget,
  ScaledObject,
  Service,
  ServiceMonitor,
};

type Manifest = { readonly kind: string; readonly metadata: { readonly name: string }; readonly spec: never };

const documents = (text: string): Manifest[] =>
  parseAllDocuments(text).map((document) => {
    assert.deepEqual(document.errors, []);
    return document.toJS() as Manifest;
  });

test('every manifest is valid by the schema of its kind, and what is printed is what was made', () => {
  for (const sets of SETTINGS) {
    const values = makeValues({}, sets);
    const printed = documents(renderManifests(values, 'yard'));
    assert.deepEqual(printed, JSON.parse(JSON.stringify(makeManifests(values, 'yard'))));
    for (const manifest of printed) {
      const Model = MODELS[manifest.kind];
      assert.ok(Model, manifest.kind);
      new Model(manifest as never).validate();
      assert.match(manifest.metadata.name, /^yard-/);
    }
  }
  assert.throws(() => new Deployment({ metadata: { name: 'a' }, spec: { replicas: 'many' } } as never).validate());
});

test('what is asked for is there, and nothing else', () => {
  const kinds = (sets: readonly string[]): string[] =>
    documents(renderManifests(makeValues({}, sets), 'yard')).map(({ kind, metadata: { name } }) => `${kind} ${name}`);
  assert.deepEqual(kinds(SETTINGS[0] ?? []), [
    'Deployment yard-gateway',
    'PodDisruptionBudget yard-gateway',
    'Deployment yard-worker',
    'PodDisruptionBudget yard-worker',
    'Service yard-gateway',
    'Service yard-gateway-ops',
    'Service yard-worker-ops',
    'NetworkPolicy yard-gateway',
    'NetworkPolicy yard-worker',
  ]);
  assert.ok(kinds(SETTINGS[1] ?? []).includes('ScaledObject yard-worker'));
  assert.ok(kinds(SETTINGS[1] ?? []).includes('ServiceMonitor yard-gateway'));
  assert.ok(kinds(SETTINGS[2] ?? []).includes('HorizontalPodAutoscaler yard-worker'));
  assert.ok(!kinds(SETTINGS[3] ?? []).some((line) => line.startsWith('NetworkPolicy')));
});

test('every setting of the pods is one that the processes read', async () => {
  for (const app of ['gateway', 'worker']) {
    const source = await readFile(`${ROOT}apps/${app}/src/config.ts`, 'utf8');
    const known = new Set(Array.from(source.matchAll(/^ {2}([A-Z][A-Z0-9_]+):/gm), ([, name]) => name));
    for (const sets of SETTINGS.slice(0, 3)) {
      const pods = documents(renderManifests(makeValues({}, sets), 'yard')) as unknown as {
        kind: string;
        metadata: { name: string };
        spec: { template: { spec: { containers: { env: { name: string }[] }[] } } };
      }[];
      const pod = pods.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === `yard-${app}`);
      for (const { name } of pod?.spec.template.spec.containers[0]?.env ?? [])
        assert.ok(known.has(name), `${app} ${name}`);
    }
  }
});

test('values that mean nothing, or do not go together, are refused with a sentence', () => {
  const refused = (sets: readonly string[], sentence: RegExp): void =>
    assert.throws(() => makeValues({}, sets), sentence);
  refused([], /auth\.apiKeysSecret/);
  refused(['auth.insecure=true', 'gateway.replicas=0'], /gateway\.replicas/);
  refused(['auth.insecure=true', 'gatway.replicas=1'], /gatway/);
  refused(['auth.insecure=true', 'keda.enabled=true', 'hpa.enabled=true'], /not both/);
  refused(['auth'], /PATH=VALUE/);
});

test('the chart in infra/helm is the one that is made, and its schema takes its values', async () => {
  const files = chartFiles();
  for (const [path, text] of Object.entries(files))
    assert.equal(
      await readFile(`${ROOT}infra/helm/batchyard/${path}`, 'utf8'),
      text,
      `${path}: npx batchyard k8s chart --out infra/helm/batchyard`,
    );
  const valid = new Ajv({ strict: false }).compile(JSON.parse(files['values.schema.json'] ?? '') as object);
  assert.deepEqual(parse(files['values.yaml'] ?? ''), DEFAULT_VALUES);
  assert.ok(valid(DEFAULT_VALUES), JSON.stringify(valid.errors));
  assert.ok(!valid({ ...DEFAULT_VALUES, surprise: 1 }));
});

test('the chart says what is rendered, for the same values', () => {
  for (const sets of SETTINGS) {
    const values = makeValues({}, sets);
    const templates = Object.entries(chartFiles()).filter(([path]) => path.startsWith('templates/'));
    const filled = templates.flatMap(([, text]) => documents(fillChart(text, values, 'yard'))).filter(Boolean);
    const byName = (all: readonly Manifest[]): Record<string, Manifest> =>
      Object.fromEntries(all.map((one) => [`${one.kind} ${one.metadata.name}`, one]));
    assert.deepEqual(byName(filled), byName(documents(renderManifests(values, 'yard'))));
  }
});

test('the examples of docs/deployment.md print manifests', async () => {
  const page = await readFile(`${ROOT}docs/deployment.md`, 'utf8');
  const commands = Array.from(page.matchAll(/^batchyard (k8s render .*)$/gm), ([, line = '']) => line.split(' '));
  assert.ok(commands.length > 1);
  const folder = await mkdtemp(join(tmpdir(), 'batchyard-k8s-'));
  await writeFile(join(folder, 'values.json'), '{"auth":{"insecure":true}}');
  for (const words of commands) {
    const main = join(ROOT, 'apps/cli/dist/main.js');
    const { stdout } = await promisify(execFile)(process.execPath, [main, ...words], { cwd: folder });
    assert.ok(documents(stdout).length > 8);
  }
  await rm(folder, { recursive: true });
});
