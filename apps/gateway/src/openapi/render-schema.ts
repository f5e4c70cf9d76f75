/** A schema as rows of a table: a row for each field, with its path, its type and what it means. */
import { type Json, type JsonObject, SCHEMAS } from './document.ts';
import { html, type Html, prose } from './html.ts';

const asObject = (value: Json | undefined): JsonObject | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
const asList = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : []);
const alternativesOf = (schema: JsonObject): JsonObject[] =>
  [...asList(schema['anyOf']), ...asList(schema['oneOf'])].map((one) => asObject(one) ?? {});

export const schemaAnchor = (name: string): string => `s-${name}`;

const BOUNDS = [
  ['minimum', '≥'],
  ['exclusiveMinimum', '>'],
  ['maximum', '≤'],
  ['maxLength', 'of at most'],
  ['maxItems', 'of at most'],
  ['pattern', 'like'],
  ['format', 'as'],
] as const;

function namesOf(schema: JsonObject): string {
  const { type } = schema;
  const values = 'const' in schema ? [schema['const']] : asList(schema['enum']);
  if (values.length > 0) return values.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join(' | ');
  return Array.isArray(type) ? type.join(' | ') : typeof type === 'string' ? type : 'anything';
}

const joined = (parts: readonly Html[]): Html[] => parts.map((part, i) => (i === 0 ? part : html` | ${part}`));

/** In a few words; what has a name links to it. */
export function typeOf(schema: JsonObject): Html {
  const { $ref } = schema;
  if (typeof $ref === 'string') {
    const name = $ref.slice(SCHEMAS.length);
    return html`<a href="#${schemaAnchor(name)}">${name}</a>`;
  }
  const alternatives = alternativesOf(schema);
  if (alternatives.length > 0) return html`${joined(alternatives.map(typeOf))}`;
  const items = asObject(schema['items']);
  const values = asObject(schema['additionalProperties']);
  if (items) return html`array of ${typeOf(items)}`;
  if (values && !asObject(schema['properties']) && Object.keys(values).length > 0)
    return html`object, each ${typeOf(values)}`;
  const bounds = BOUNDS.flatMap(([key, word]) => {
    const bound = schema[key];
    return typeof bound === 'string' || typeof bound === 'number' ? [`${word} ${bound}`] : [];
  });
  return html`${[namesOf(schema), ...bounds].join(' ')}`;
}

/** What tells one alternative from the others: its constant field. */
function markOf({ properties }: JsonObject): string {
  const marks = Object.entries(asObject(properties) ?? {}).flatMap(([name, value]) => {
    const constant = asObject(value)?.['const'];
    return typeof constant === 'string' ? [`(${name} ${constant})`] : [];
  });
  return marks[0] ?? '';
}

/** The rows of what is inside: of objects, of the elements of arrays, of alternatives. */
function inside(schema: JsonObject, path: string): Html[] {
  const items = asObject(schema['items']);
  if (items) return inside(items, `${path}[]`);
  const required = asList(schema['required']);
  const own = Object.entries(asObject(schema['properties']) ?? {}).flatMap(([name, value]) => {
    const field = asObject(value) ?? {};
    const { description } = field;
    const at = path === '' ? name : `${path}.${name}`;
    const optional = required.includes(name) ? undefined : html` <i>optional</i>`;
    const said = typeof description === 'string' ? html`<td>${prose(description)}</td>` : undefined;
    return [
      html`<tr>
        <td>${at}</td>
        <td>${typeOf(field)}${optional}</td>
        ${said}
      </tr>`,
      ...inside(field, at),
    ];
  });
  const values = asObject(schema['additionalProperties']);
  const alternatives = alternativesOf(schema).flatMap((one) => inside(one, `${path}${markOf(one)}`));
  return [...own, ...(values ? inside(values, `${path}.*`) : []), ...alternatives];
}

/** Nothing, where there is nothing inside. */
export function fieldTable(schema: JsonObject): Html | undefined {
  const rows = inside(schema, '');
  return rows.length === 0
    ? undefined
    : html`<table class="f">
        ${rows}
      </table>`;
}

export function exampleOf(value: Json): Html {
  const text = typeof value === 'string' ? value : shortJson(value);
  return html`<details>
    <summary>Example</summary>
    <pre>${text}</pre>
  </details>`;
}

/** Indented, but what fits into a line stands in one. */
function shortJson(value: Json, indent = ''): string {
  const line = JSON.stringify(value);
  const deep = `${indent}  `;
  if (line.length + indent.length <= 96) return line;
  if (Array.isArray(value))
    return `[\n${value.map((one: Json) => deep + shortJson(one, deep)).join(',\n')}\n${indent}]`;
  const object = asObject(value);
  if (!object) return line;
  const lines = Object.entries(object).map(([name, one]) => `${deep}${JSON.stringify(name)}: ${shortJson(one, deep)}`);
  return `{\n${lines.join(',\n')}\n${indent}}`;
}
