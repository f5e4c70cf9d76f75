/** Answers of a running system held against the OpenAPI document that it serves. */
import assert from 'node:assert/strict';

import { Ajv2020 } from 'ajv/dist/2020.js';

import type { SentEvent } from './event-stream.ts';

type Content = Readonly<
  Record<string, { readonly schema?: unknown; readonly example?: unknown; readonly 'x-events'?: object }>
>;
export type Operation = {
  readonly operationId: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly example?: string }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<
    Record<string, { readonly content?: Content; readonly headers?: Readonly<Record<string, unknown>> }>
  >;
};
type Document = { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> };

/** What is sent where the document does not say it: `path` with its parameters filled in. */
export type Init = { readonly body?: unknown; readonly headers?: Record<string, string>; readonly path?: string };

export type Api = {
  readonly document: Document;
  /** Where its listener is, and what every request to it carries. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Fails unless the status, the content type, the headers and the body are described.
   * @param route as the document has it: `get /v1/jobs/{id}`
   * @returns the body: of JSON its value, otherwise its text
   */
  check<T = Record<string, unknown>>(route: string, answer: Response): Promise<T>;
  /** Fails unless the stream's route tells of each event, and of all that its data has. @returns the names that were seen */
  checkEvents(route: string, events: readonly SentEvent[]): ReadonlySet<string>;
  /** `<status> <route>` of each that was checked. */
  checked(): ReadonlySet<string>;
};

/** Of an answer that has nothing to say in them they are absent. */
const SOMETIMES = new Set([
  'Batchyard-Cache',
  'Content-Encoding',
  'Idempotency-Replayed',
  'Inference-Header-Content-Length',
  'Preference-Applied',
  'RateLimit',
  'RateLimit-Policy',
]);
const pointerOf = (names: readonly string[]): string =>
  names.map((name) => `/${encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'))}`).join('');

export async function readApi(url: string, headers: Record<string, string> = {}): Promise<Api> {
  const document = (await (await fetch(`${url}/openapi.json`, { headers })).json()) as Document;
  const ajv = new Ajv2020({ strict: false, allErrors: true, formats: { 'date-time': /^\d{4}-\d\d-\d\dT[\d:.]+Z$/ } });
  ajv.addSchema(document, 'api');
  const checked = new Set<string>();
  return {
    document,
    url,
    headers,
    checked: () => checked,
    checkEvents(route, events) {
      const [method = '', path = ''] = route.split(' ');
      const pointer = ['paths', path, method, 'responses', '200', 'content', 'text/event-stream', 'x-events'];
      for (const { event, data } of events) {
        const validate = ajv.getSchema(`api#${pointerOf([...pointer, event])}`);
        assert.ok(validate, `${route}: the event ${event} is not described`);
        assert.ok(validate(data), `${route}: ${event}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(data)}`);
      }
      return new Set(events.map(({ event }) => event));
    },
    async check<T>(route: string, answer: Response): Promise<T> {
      const [method = '', path = ''] = route.split(' ');
      const what = `${route}: ${answer.status}`;
      const text = await answer.text();
      const response = document.paths[path]?.[method]?.responses[answer.status];
      assert.ok(response, `${what} is not described: ${text}`);
      checked.add(`${answer.status} ${route}`);
      for (const name of Object.keys(response.headers ?? {}))
        if (!SOMETIMES.has(name)) assert.ok(answer.headers.has(name), `${what} has no ${name}`);
      if (response.content === undefined) {
        assert.equal(text, '', what);
        return text as T;
      }
      const type = (answer.headers.get('content-type') ?? '').split(';')[0] ?? '';
      const content = response.content[type];
      assert.ok(content, `${what} as ${type} is not described`);
      if (!type.endsWith('json') || type.endsWith('x-ndjson')) return text as T;
      const value: unknown = JSON.parse(text);
      const pointer = pointerOf(['paths', path, method, 'responses', String(answer.status), 'content', type, 'schema']);
      const validate = ajv.getSchema(`api#${pointer}`);
      assert.ok(validate, `${what} has no schema`);
      assert.ok(validate(value), `${what}: ${ajv.errorsText(validate.errors)} in ${text.slice(0, 2_000)}`);
      return value as T;
    },
  };
}

/** Sends what a route of a document takes. @param route as the document has it */
export function send(api: Api, route: string, { body, headers = {}, path }: Init = {}): Promise<Response> {
  const [method = '', template = ''] = route.split(' ');
  const init = { method: method.toUpperCase(), headers: { ...api.headers, ...headers } };
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return fetch(api.url + (path ?? template), body === undefined ? init : { ...init, body: text });
}
export const told = async <T = Record<string, unknown>>(api: Api, route: string, init?: Init): Promise<T> =>
  api.check<T>(route, await send(api, route, init));
/** @returns the status as well */
async function asked(api: Api, route: string, init?: Init): Promise<[number, Record<string, unknown>]> {
  const answer = await send(api, route, init);
  return [answer.status, await api.check(route, answer)];
}
export const statusOf = async (api: Api, route: string, init?: Init): Promise<number> =>
  (await asked(api, route, init))[0];
export const codeOf = async (api: Api, route: string, init?: Init): Promise<string> => {
  const [status, { code }] = await asked(api, route, init);
  return `${status} ${String(code)}`;
};

export const operationsOf = ({ document }: Api, method: string): (readonly [string, Operation])[] =>
  Object.entries(document.paths).flatMap(([path, item]) => (item[method] ? [[path, item[method]] as const] : []));
