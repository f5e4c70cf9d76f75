/** Of OpenAPI 3.1 what Batchyard's documents have. https://spec.openapis.org/oas/v3.1.1 */
import type { Method, Parameter } from './operation.ts';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [name: string]: Json };

export type Contents = Readonly<
  Record<string, { readonly schema?: JsonObject; readonly example?: Json; readonly 'x-events'?: JsonObject }>
>;
export type ParameterObject = {
  readonly name: string;
  readonly in: Parameter['in'];
  readonly required: boolean;
  readonly description: string;
  readonly schema: JsonObject;
  readonly example?: string | number;
};
export type HeaderObject = { readonly description: string; readonly schema: JsonObject };
export type ResponseObject = {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { readonly $ref: string }>>;
  readonly content?: Contents;
};
export type OperationObject = {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly security?: readonly JsonObject[];
  readonly parameters?: readonly ParameterObject[];
  readonly requestBody?: { readonly required: boolean; readonly description: string; readonly content: Contents };
  readonly responses: Readonly<Record<string, ResponseObject>>;
};
export type PathItem = Readonly<Partial<Record<Method, OperationObject>>>;
export type ApiDocument = {
  readonly openapi: '3.1.1';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string; readonly description: string }[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly security?: readonly JsonObject[];
  readonly paths: Readonly<Record<string, PathItem>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonObject>>;
    readonly headers: Readonly<Record<string, HeaderObject>>;
    readonly securitySchemes?: Readonly<Record<string, JsonObject>>;
  };
};

export const SCHEMAS = '#/components/schemas/';
export const HEADERS = '#/components/headers/';
