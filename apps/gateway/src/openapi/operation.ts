/** How a route is described; make-document.ts turns descriptions into OpenAPI. */
import type { FailureCode } from '@batchyard/shared/contract/failure';
import { z } from 'zod';

export const METHODS = ['get', 'put', 'post', 'delete'] as const;
export type Method = (typeof METHODS)[number];

export type Parameter = {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly description: string;
  readonly schema: z.ZodType;
  /** One of the path stands in the route's curl; one of the query or of a header too where it is given. */
  readonly example?: string | number;
};

/** A body in one of its forms. Without a schema: bytes. */
export type Content = {
  readonly type: string;
  readonly schema?: z.ZodType;
  readonly example?: unknown;
  /** Of a stream: what the JSON of `data` is, by the name of the event. Written as `x-events`: OpenAPI 3.1 has no word for it. */
  readonly events?: Readonly<Record<string, z.ZodType>>;
};

export type Body = {
  readonly required: boolean;
  readonly description: string;
  readonly content: readonly Content[];
};

export type HeaderName =
  | 'Batchyard-Cache'
  | 'Content-Disposition'
  | 'Content-Encoding'
  | 'ETag'
  | 'Idempotency-Replayed'
  | 'Inference-Header-Content-Length'
  | 'Location'
  | 'Preference-Applied'
  | 'RateLimit'
  | 'RateLimit-Policy'
  | 'Retry-After'
  | 'WWW-Authenticate'
  | 'X-Request-Id';

export type Answer = {
  readonly status: number;
  readonly description: string;
  readonly content?: readonly Content[];
  readonly headers?: readonly HeaderName[];
};

export type Operation = {
  readonly method: Method;
  readonly path: string;
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly body?: Body;
  readonly answers: readonly Answer[];
  /** Why it may fail; the status of each is that of the contract. */
  readonly failures?: readonly FailureCode[];
  /** How failures are told; a problem document unless said otherwise. */
  readonly errors?: 'problem' | 'triton';
  /** It hands `X-Request-Id` back. */
  readonly traced?: boolean;
  /** It asks for no key where the listener does. */
  readonly open?: boolean;
};

export const JSON_TYPE = 'application/json';
export const BYTES_TYPE = 'application/octet-stream';

/** Server-sent events. @param events what `data` is, by the name of the event */
export const streamed = (events: Readonly<Record<string, z.ZodType>>, example?: string): Content => ({
  type: 'text/event-stream',
  schema: z.string(),
  events,
  ...(example === undefined ? {} : { example }),
});

/** An answer in JSON. */
export const told = (
  status: number,
  description: string,
  schema: z.ZodType,
  headers: readonly HeaderName[] = [],
): Answer => ({ status, description, content: [{ type: JSON_TYPE, schema }], headers });

export const jsonBody = (schema: z.ZodType, example: unknown, description: string, required = true): Body => ({
  required,
  description,
  content: [{ type: JSON_TYPE, schema, example }],
});
