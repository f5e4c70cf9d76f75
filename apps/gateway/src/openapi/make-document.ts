/** Descriptions of routes into an OpenAPI document; of the components only those that are used. */
import {
  type ApiDocument,
  type Contents,
  HEADERS,
  type Json,
  type JsonObject,
  type OperationObject,
  type ParameterObject,
  type PathItem,
  type ResponseObject,
  SCHEMAS,
} from './document.ts';
import { failureAnswers } from './failure-answers.ts';
import { HEADER_OBJECTS } from './headers.ts';
import { requestId } from './parameters.ts';
import type { Answer, Content, Operation, Parameter } from './operation.ts';
import { type NamedSchemas, writeSchemas, type WrittenSchemas } from './write-schemas.ts';

type Parts = Pick<ApiDocument, 'info' | 'servers' | 'tags' | 'security'> & {
  /** Where there are any, a key stands before every route that is not open. */
  readonly securitySchemes?: Readonly<Record<string, JsonObject>>;
  readonly operations: readonly Operation[];
  readonly schemas: NamedSchemas;
};

/** What one who is not let in is told. */
const GUARD_FAILURES = ['unauthorized', 'forbidden', 'rate_limited'] as const;

function failuresOf(operation: Operation, guarded: boolean): Answer[] {
  const { open, failures = [] } = operation;
  return failureAnswers(guarded && !open ? { ...operation, failures: [...GUARD_FAILURES, ...failures] } : operation);
}

function createWriter(schemas: WrittenSchemas, guarded: boolean) {
  const eventsOf = (events: NamedSchemas): JsonObject =>
    Object.fromEntries(Object.entries(events).map(([name, schema]) => [name, schemas.of(schema)]));
  const contentsOf = (content: readonly Content[]): Contents =>
    Object.fromEntries(
      content.map(({ type, schema, example, events }) => [
        type,
        {
          ...(schema === undefined ? {} : { schema: schemas.of(schema) }),
          ...(example === undefined ? {} : { example: example as Json }),
          ...(events === undefined ? {} : { 'x-events': eventsOf(events) }),
        },
      ]),
    );
  const responseOf = ({ description, content, headers = [] }: Answer): ResponseObject => ({
    description,
    ...(headers.length === 0
      ? {}
      : { headers: Object.fromEntries(headers.map((name) => [name, { $ref: HEADERS + name }])) }),
    ...(content === undefined ? {} : { content: contentsOf(content) }),
  });
  const parameterOf = ({ schema, ...rest }: Parameter): ParameterObject => ({
    ...rest,
    required: rest.in === 'path',
    schema: schemas.of(schema),
  });

  return (operation: Operation): OperationObject => {
    const { id, tag, summary, description, body, open, traced } = operation;
    const answers = [...operation.answers, ...failuresOf(operation, guarded)];
    if (new Set(answers.map(({ status }) => status)).size < answers.length)
      throw new Error(`${id} describes a status twice`);
    const parameters = [...(operation.parameters ?? []), ...(traced ? [requestId] : [])].map(parameterOf);
    return {
      operationId: id,
      tags: [tag],
      summary,
      ...(description === undefined ? {} : { description }),
      ...(guarded && open ? { security: [] } : {}),
      ...(parameters.length === 0 ? {} : { parameters }),
      ...(body === undefined ? {} : { requestBody: { ...body, content: contentsOf(body.content) } }),
      responses: Object.fromEntries(answers.map((answer) => [String(answer.status), responseOf(answer)])),
    };
  };
}

/** Those of the components that a part of the document refers to, and those that these refer to. */
function reached<T extends Json>(
  part: unknown,
  prefix: string,
  all: Readonly<Record<string, T>>,
  found: Record<string, T> = {},
): Record<string, T> {
  if (typeof part === 'string' && part.startsWith(prefix)) {
    const name = part.slice(prefix.length);
    const component = all[name];
    if (component === undefined || name in found) return found;
    found[name] = component;
    return reached(component, prefix, all, found);
  }
  if (typeof part === 'object' && part !== null)
    for (const one of Object.values(part)) reached(one, prefix, all, found);
  return found;
}

export function makeDocument({ operations, schemas: named, securitySchemes, ...head }: Parts): ApiDocument {
  const schemas = writeSchemas(named);
  const write = createWriter(schemas, securitySchemes !== undefined);
  const paths: Record<string, PathItem> = {};
  for (const operation of operations)
    paths[operation.path] = { ...paths[operation.path], [operation.method]: write(operation) };
  return {
    openapi: '3.1.1',
    ...head,
    paths,
    components: {
      schemas: reached(paths, SCHEMAS, schemas.components),
      headers: reached(paths, HEADERS, HEADER_OBJECTS),
      ...(securitySchemes === undefined ? {} : { securitySchemes }),
    },
  };
}
