/** Schemas of zod as JSON schemas, each that has a name as a component. */
import { z } from 'zod';

import { type JsonObject, SCHEMAS } from './document.ts';

/** By the name that they have among the components. */
export type NamedSchemas = Readonly<Record<string, z.ZodType>>;

export type WrittenSchemas = {
  /** What is answered: an object has what is named, and nothing else. */
  readonly components: Readonly<Record<string, JsonObject>>;
  /** A reference where it has a name, otherwise as its sender writes it. */
  of(schema: z.ZodType): JsonObject;
};

/** Takes out what zod writes and nobody needs to read: the bounds of safe integers, and that names are strings. */
function prune(schema: z.core.JSONSchema.BaseSchema): void {
  delete schema.$schema;
  delete schema.$id;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.format === 'date-time') delete schema.pattern;
  if (JSON.stringify(schema.propertyNames) === '{"type":"string"}') delete schema.propertyNames;
}

const pruned = (written: object): JsonObject =>
  JSON.parse(JSON.stringify(written), (_name, value: unknown) => {
    if (typeof value === 'object' && value !== null) prune(value as z.core.JSONSchema.BaseSchema);
    return value;
  }) as JsonObject;

export function writeSchemas(named: NamedSchemas): WrittenSchemas {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { uri: (id) => SCHEMAS + id });
  return {
    components: Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, pruned(schema)])),
    of(schema) {
      const id = registry.get(schema)?.id;
      return id === undefined ? pruned(z.toJSONSchema(schema, { io: 'input' })) : { $ref: SCHEMAS + id };
    },
  };
}
