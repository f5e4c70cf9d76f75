/** The bodies of Triton's model repository extension, in and out. */
import { Failure } from '@batchyard/shared/contract/failure';
import { LONGEST_CONFIG, type RepositoryLine, type RepositoryReport } from '@batchyard/shared/contract/repository';

const unreadable = (): Failure => new Failure('bad_request', 'failed to parse the request JSON buffer');
const FILE_OVERRIDE = 'file:';

/** An empty body is an empty object. @throws Failure bad_request */
function readObject(body: Uint8Array): Record<string, unknown> {
  if (body.byteLength === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw unreadable();
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unreadable();
  return value as Record<string, unknown>;
}

/** @returns whether only models that are ready are asked for; @throws Failure bad_request */
export function readIndexRequest(body: Uint8Array): boolean {
  const { ready = false } = readObject(body);
  if (typeof ready !== 'boolean') throw new Failure('bad_request', "Invalid value for 'ready': expected a boolean");
  return ready;
}

function readParameters(body: Uint8Array): [string, unknown][] {
  const { parameters = {} } = readObject(body);
  if (typeof parameters !== 'object' || parameters === null || Array.isArray(parameters))
    throw new Failure('bad_request', "Invalid value for 'parameters': expected an object");
  return Object.entries(parameters);
}

/** @returns the configuration that is given, as JSON; @throws Failure bad_request */
export function readLoadRequest(model: string, body: Uint8Array): string | undefined {
  const fail = (why: string): Failure => new Failure('bad_request', `failed to load '${model}', ${why}`);
  let config: string | undefined;
  for (const [name, value] of readParameters(body)) {
    if (name.startsWith(FILE_OVERRIDE)) throw fail('files cannot be given with the request');
    if (name !== 'config') throw fail(`the parameter '${name.slice(0, 64)}' is not known`);
    if (typeof value !== 'string') throw fail("the parameter 'config' must be a string of JSON");
    if (value.length > LONGEST_CONFIG) throw fail(`the configuration has more than ${LONGEST_CONFIG} characters`);
    try {
      JSON.parse(value);
    } catch {
      throw fail("the parameter 'config' is not JSON");
    }
    config = value;
  }
  return config;
}

/** There are no dependents; what is said of them is accepted. @throws Failure bad_request */
export function readUnloadRequest(body: Uint8Array): void {
  for (const [name, value] of readParameters(body))
    if (name === 'unload_dependents' && typeof value !== 'boolean')
      throw new Failure('bad_request', "Invalid value for 'unload_dependents': expected a boolean");
}

const RANK: readonly RepositoryLine['state'][] = ['READY', 'LOADING', 'UNLOADING', 'UNAVAILABLE'];

/** What several workers tell, each model's version once: ready where one of them says so, with every reason that is given. */
export function mergeReports(reports: readonly RepositoryReport[]): RepositoryLine[] {
  const found = new Map<string, RepositoryLine>();
  for (const line of reports.flatMap(({ models }) => models)) {
    const key = JSON.stringify([line.name, line.version]);
    const before = found.get(key) ?? { ...line, reason: '' };
    const reasons = [before.reason, line.reason].filter((reason) => reason !== '');
    const state = RANK.find((one) => one === before.state || one === line.state) ?? line.state;
    found.set(key, { ...before, state, reason: [...new Set(reasons.flatMap((one) => one.split('; ')))].join('; ') });
  }
  // A model that some serve needs no line for the others, which have not loaded any version of it.
  const served = new Set([...found.values()].flatMap(({ name, version }) => (version === undefined ? [] : [name])));
  return [...found.values()]
    .filter(({ name, version }) => version !== undefined || !served.has(name))
    .toSorted(
      (a, b) =>
        a.name.localeCompare(b.name) || (a.version ?? '').localeCompare(b.version ?? '', undefined, { numeric: true }),
    );
}

/** Why a worker that was asked to load a model does not serve it as it was asked; undefined where it does. */
export function loadProblem(report: RepositoryReport, model: string): string | undefined {
  const lines = report.models.filter(({ name }) => name === model);
  if (lines.length === 0) return 'failed to poll from model repository';
  const reasons = lines.map(({ reason }) => reason).filter((reason) => reason !== '');
  if (reasons.length > 0) return [...new Set(reasons)].join('; ');
  return lines.some(({ state }) => state === 'READY') ? undefined : 'no version is available';
}
