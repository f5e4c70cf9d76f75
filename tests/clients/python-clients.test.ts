/**
 * Unmodified clients from their registries, against a running system: tritonclient[http], both of its clients; KServe's
 * InferenceRESTClient; `mlserver infer`; and schemathesis, which makes requests of the OpenAPI document. Each has a Python
 * environment of its own below `.cache`, made when it is first needed; where there is no Python they are skipped.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { makeTestModels } from '../../models/make-test-models.ts';
import { PYTHON, pythonWith } from '../support/python.ts';
import { startSystem, type System } from '../support/system.ts';

const run = promisify(execFile);
const INSTALLING_MS = 600_000;
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

let folder: string;
let system: System;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batchyard-clients-'));
  await makeTestModels(join(folder, 'models'));
  system = await startSystem({ BATCHYARD_MODELS: join(folder, 'models') });
});
after(async () => {
  await system.stop();
  await rm(folder, { recursive: true, force: true });
});

/** @returns the interpreter, or undefined where the test is skipped */
async function pythonFor(t: TestContext, packages: readonly string[]): Promise<string | undefined> {
  const found = await pythonWith(packages);
  if ('python' in found) return found.python;
  t.skip(found.missing);
  return undefined;
}
async function outputOf(program: string, args: readonly string[], timeout = 120_000): Promise<string> {
  try {
    return (await run(program, args, { cwd: folder, timeout, maxBuffer: 64 * 1_048_576 })).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(' ')}\n${stdout}\n${stderr}`, { cause: error });
  }
}
const address = (): string => new URL(system.url).host;

test('tritonclient[http] works unmodified, and so does its aio client', { timeout: INSTALLING_MS }, async (t) => {
  const python = await pythonFor(t, PYTHON.tritonHttp);
  if (python === undefined) return;
  assert.match(await outputOf(python, [here('triton_http.py'), address()]), /tritonclient agrees/);
  assert.match(await outputOf(python, [here('triton_aio.py'), address()]), /tritonclient aio agrees/);
});

test("KServe's InferenceRESTClient works unmodified", { timeout: INSTALLING_MS }, async (t) => {
  const python = await pythonFor(t, PYTHON.kserve);
  if (python === undefined) return;
  assert.match(await outputOf(python, [here('kserve_rest.py'), system.url]), /kserve agrees/);
});

test(
  '`mlserver infer` answers a file of requests, one by one and in small batches',
  { timeout: INSTALLING_MS },
  async (t) => {
    const python = await pythonFor(t, PYTHON.mlserver);
    if (python === undefined) return;
    const rows = Array.from({ length: 20 }, (_, seed) => Array.from({ length: 16 }, (_value, i) => seed * 16 + i));
    const tensor = (name: string, data: readonly number[]) => ({ name, shape: [1, 16], datatype: 'INT32', data });
    const lines = rows.map((row, i) =>
      JSON.stringify({
        id: `r${i}`,
        inputs: [
          tensor('INPUT0', row),
          tensor(
            'INPUT1',
            row.map(() => i),
          ),
        ],
      }),
    );
    const [sent, got] = [join(folder, 'requests.ndjson'), join(folder, 'answers.ndjson')];
    await writeFile(sent, `${lines.join('\n')}\n`);
    for (const more of [[], ['-s', '4'], ['-b']]) {
      await rm(got, { force: true });
      const args = ['infer', '-u', address(), '-m', 'simple', '-i', sent, '-o', got, '-w', '2', ...more];
      await outputOf(python, ['-c', 'from mlserver.cli import main; main()', ...args]);
      type Line = { id: string; outputs: { name: string; data: number[] }[]; parameters?: unknown };
      const answers = (await readFile(got, 'utf8'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Line);
      assert.equal(answers.length, rows.length);
      const sums = answers.map(({ outputs }) => outputs.find(({ name }) => name === 'OUTPUT0')?.data.join());
      assert.deepEqual(new Set(sums), new Set(rows.map((row, i) => row.map((value) => value + i).join())));
    }
  },
);

/** @param paths values of parameters of the path, beside those that name the model @returns what it has printed */
async function schemathesis(
  python: string,
  document: string,
  more: readonly string[],
  paths: Readonly<Record<string, string>> = {},
): Promise<string> {
  const hooks = `hooks = ${JSON.stringify(here('schemathesis_hooks.py'))}`;
  // A refusal that asks to come back is no error of the server.
  const checks = ['[checks.not_a_server_error]', 'expected-statuses = ["2xx", "3xx", "4xx", 503]'];
  const given = { model: 'simple', model_name: 'simple', version: '1', model_version: '1', ...paths };
  const parameters = Object.entries(given).map(([name, value]) => `"path.${name}" = ${JSON.stringify(value)}`);
  const settings = [hooks, ...checks, '[parameters]', ...parameters];
  await writeFile(join(folder, 'schemathesis.toml'), `${settings.join('\n')}\n`);
  const start = 'from schemathesis.cli import schemathesis; schemathesis()';
  const bounds = ['--seed', '1', '--max-examples', '20', '--max-time', '25', '--phases', 'examples,coverage,fuzzing'];
  return outputOf(python, ['-c', start, 'run', document, '--no-color', ...bounds, ...more]);
}

const ANSWERS = ['not_a_server_error', 'content_type_conformance', 'response_schema_conformance'];
const ALL = [
  ...ANSWERS,
  'status_code_conformance',
  'response_headers_conformance',
  'unsupported_method',
  'allow_header_conformance',
];

test(
  'schemathesis finds no answer that the OpenAPI document does not tell of',
  { timeout: INSTALLING_MS },
  async (t) => {
    const python = await pythonFor(t, PYTHON.schemathesis);
    if (python === undefined) return;
    const document = `${system.url}/openapi.json`;
    const more = ['--checks', ALL.join(), '--exclude-path-regex', '/events$'];
    assert.match(await schemathesis(python, document, more), ALL_PASSED);
    assert.equal((await fetch(`${system.url}/livez`)).status, 200);
  },
);

test('nor any of the routes of a job that there is, its events included', { timeout: INSTALLING_MS }, async (t) => {
  const python = await pythonFor(t, PYTHON.schemathesis);
  if (python === undefined) return;
  const document = `${system.url}/openapi.json`;
  const id = await endedJob();
  const routes = ['--max-time', '5', '--include-path-regex', String.raw`^/v1/jobs/\{id\}`];
  const answered = ['--checks', ALL.join(), '--exclude-path-regex', '/events$'];
  assert.match(await schemathesis(python, document, [...routes, ...answered], { id }), ALL_PASSED);
  // It takes the schema of a stream for that of each of its events; those are held against theirs in http/job-events.test.ts.
  const streamed = ALL.filter((check) => check !== 'response_schema_conformance');
  const events = ['--max-time', '5', '--include-path-regex', '/events$', '--checks', streamed.join()];
  assert.match(await schemathesis(python, document, events, { id }), ALL_PASSED);
});

const ALL_PASSED = /\b(\d+) generated, \1 passed/;

async function endedJob(): Promise<string> {
  const tensor = (name: string) => ({
    name,
    shape: [1, 16],
    datatype: 'INT32',
    data: Array.from({ length: 16 }, () => 1),
  });
  const submitted = await fetch(`${system.url}/v1/models/simple/jobs`, {
    method: 'POST',
    body: JSON.stringify({ inputs: ['INPUT0', 'INPUT1'].map(tensor) }),
  });
  assert.equal(submitted.status, 202);
  const { id } = (await submitted.json()) as { id: string };
  assert.equal((await fetch(`${system.url}/v1/jobs/${id}/result?wait=10`)).status, 200);
  return id;
}

test("answers have the form of MLServer's own OpenAPI document, too", { timeout: INSTALLING_MS }, async (t) => {
  const mlserver = await pythonFor(t, PYTHON.mlserver);
  const python = mlserver && (await pythonFor(t, PYTHON.schemathesis));
  if (mlserver === undefined || python === undefined) return;
  const find = "import importlib.util as u; print(u.find_spec('mlserver').submodule_search_locations[0])";
  const shipped = join((await outputOf(mlserver, ['-c', find])).trim(), 'rest', 'openapi', 'dataplane.json');
  // It is no valid OpenAPI: `bytes` is no type.
  const repaired = (await readFile(shipped, 'utf8')).replaceAll(/("type": *)"bytes"/g, '$1"string"');
  const document = join(folder, 'dataplane.json');
  await writeFile(document, repaired);
  // Streams and text generation are extensions of its own.
  const own = ['--exclude-path-regex', 'generate|stream'];
  const printed = await schemathesis(python, document, ['--url', system.url, '--checks', ANSWERS.join(), ...own]);
  assert.match(printed, ALL_PASSED);
});
