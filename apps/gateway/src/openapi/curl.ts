/** An operation as a command line that can be pasted into a shell. */
import type { JsonObject, OperationObject } from './document.ts';
import type { Method } from './operation.ts';

export type Call = { readonly method: Method; readonly path: string; readonly operation: OperationObject };
/** Where the listener is, and what it asks for. */
export type Caller = { readonly base: string; readonly tokenVariable: string | undefined };

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** The path with its examples in it, and those of the query behind it. */
function target({ path, operation: { parameters = [] } }: Call): string {
  let filled = path;
  const query: string[] = [];
  for (const { name, in: where, example } of parameters) {
    if (example === undefined) continue;
    const value = encodeURIComponent(example);
    if (where === 'path') filled = filled.replace(`{${name}}`, value);
    if (where === 'query') query.push(`${encodeURIComponent(name)}=${value}`);
  }
  return query.length === 0 ? filled : `${filled}?${query.join('&')}`;
}

export function curlOf(call: Call, { base, tokenVariable }: Caller): string {
  const { method, operation } = call;
  const { requestBody, security, parameters = [] } = operation;
  const body: JsonObject | undefined = requestBody?.content['application/json']?.example as JsonObject | undefined;
  const words = ['curl -s'];
  const usual = body === undefined ? 'get' : 'post';
  if (method !== usual) words.push(`-X ${method.toUpperCase()}`);
  words.push(quoted(base + target(call)));
  if (tokenVariable !== undefined && security?.length !== 0) words.push(`-H "Authorization: Bearer $${tokenVariable}"`);
  for (const { name, in: where, example } of parameters)
    if (where === 'header' && example !== undefined) words.push(`-H ${quoted(`${name}: ${example}`)}`);
  if (body !== undefined) words.push(`-d ${quoted(JSON.stringify(body))}`);
  return words.join(' ');
}
