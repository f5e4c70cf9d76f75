/**
 * Reads Prometheus' rule files as they are written here: two spaces a level, one value a line, or `|` and an indented
 * block. Any other line is an error, so nothing is passed over; promtool reads the same files as YAML.
 */
import { readFile } from 'node:fs/promises';

export type Rule = {
  readonly kind: 'record' | 'alert';
  readonly name: string;
  readonly expression: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, string>;
};

type Draft = {
  kind: 'record' | 'alert';
  name: string;
  values: Map<string, string>;
  maps: Map<string, Map<string, string>>;
};

const unquoted = (text: string): string =>
  text.startsWith('"') ? (JSON.parse(text) as string) : text.replace(/^'(.*)'$/, '$1');

/** @throws Error that names the line */
export function parseRules(text: string): Rule[] {
  const drafts: Draft[] = [];
  const lines = text.split('\n');
  let map = '';
  for (let i = 0; i < lines.length; i += 1) {
    const line = lines[i] ?? '';
    const draft = drafts.at(-1);
    const begin = /^ {6}- (record|alert): (\S+)$/.exec(line);
    const value = /^ {8}(expr|for): (.+)$/.exec(line);
    const entry = /^ {10}(\w+): (.+)$/.exec(line);
    if (/^\s*(?:#.*)?$|^groups:$|^ {2}- name: \S+$|^ {4}rules:$/.test(line)) continue;
    if (begin)
      drafts.push({ kind: begin[1] as Draft['kind'], name: begin[2] ?? '', values: new Map(), maps: new Map() });
    else if (draft && value?.[2] === '|') {
      const rest = lines.slice(i + 1);
      const end = rest.findIndex((one) => !one.startsWith(' '.repeat(10)));
      const block = end === -1 ? rest : rest.slice(0, end);
      draft.values.set(value[1] ?? '', block.map((one) => one.trim()).join('\n'));
      i += block.length;
    } else if (draft && value) draft.values.set(value[1] ?? '', unquoted(value[2] ?? ''));
    else if (draft && /^ {8}(?:labels|annotations):$/.test(line)) draft.maps.set((map = line.trim()), new Map());
    else if (entry) draft?.maps.get(map)?.set(entry[1] ?? '', unquoted(entry[2] ?? ''));
    else throw new Error(`line ${i + 1} is not understood: ${line}`);
  }
  return drafts.map(({ kind, name, values, maps }) => ({
    kind,
    name,
    expression: values.get('expr') ?? '',
    labels: maps.get('labels:') ?? new Map<string, string>(),
    annotations: maps.get('annotations:') ?? new Map<string, string>(),
  }));
}

export const readRules = async (file: URL): Promise<Rule[]> => parseRules(await readFile(file, 'utf8'));
