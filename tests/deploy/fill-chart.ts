/**
 * Fills in the templates of the chart as Helm would, as far as they use its language: `if`, `with`, `or`, `not`, `quote`,
 * `toYaml`, `indent`, `fail`. Anything else is an error, so nothing is passed over.
 */
import { stringify } from 'yaml';

type Values = Readonly<Record<string, unknown>>;

function at(values: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((inner, key) => (inner as Values | undefined)?.[key], values);
}
const truthy = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.length > 0
    : Boolean(value) && !(typeof value === 'object' && Object.keys(value as object).length === 0);
const indented = (value: unknown, by: number): string =>
  stringify(value)
    .trimEnd()
    .split('\n')
    .map((line) => ' '.repeat(by) + line)
    .join('\n');

function condition(text: string, values: Values): boolean {
  const not = /^not (.*)$/.exec(text);
  if (not?.[1] !== undefined) return !condition(not[1].replace(/^\((.*)\)$/, '$1'), values);
  const several = /^(or|and) (.*)$/.exec(text);
  if (several?.[2] !== undefined) {
    const parts = several[2].split(' ').map((part) => condition(part, values));
    return several[1] === 'or' ? parts.some(Boolean) : parts.every(Boolean);
  }
  const path = /^\.Values\.([A-Za-z.]+)$/.exec(text)?.[1];
  if (path === undefined) throw new Error(`unknown condition: ${text}`);
  return truthy(at(values, path));
}

function fillLine(text: string, values: Values, release: string, dot: unknown): string {
  return text.replaceAll(/\{\{-? (.*?) -?\}\}/g, (_whole, inner: string) => {
    if (inner === '.Release.Name') return release;
    if (inner === '.Release.Name | quote') return JSON.stringify(release);
    const tree = /^toYaml (\.|\.Values\.[A-Za-z.]+) \| indent (\d+)$/.exec(inner);
    if (tree)
      return indented(tree[1] === '.' ? dot : at(values, (tree[1] ?? '').slice('.Values.'.length)), Number(tree[2]));
    const value = /^\.Values\.([A-Za-z.]+)( \| quote)?$/.exec(inner);
    if (value?.[1] === undefined) throw new Error(`unknown action: ${inner}`);
    const found = at(values, value[1]);
    return value[2] === undefined ? String(found) : JSON.stringify(String(found));
  });
}

export function fillChart(template: string, values: Values, release: string): string {
  const open: { readonly shown: boolean; readonly dot: unknown }[] = [{ shown: true, dot: undefined }];
  const out: string[] = [];
  for (const text of template.split('\n')) {
    const inside = open.at(-1) ?? { shown: true, dot: undefined };
    const block = /^\{\{- (if|with) (.*) \}\}$/.exec(text);
    if (block?.[2] !== undefined) {
      const dot = block[1] === 'with' ? at(values, block[2].slice('.Values.'.length)) : inside.dot;
      const holds = inside.shown && (block[1] === 'with' ? truthy(dot) : condition(block[2], values));
      open.push({ shown: holds, dot });
    } else if (text === '{{- end }}') open.pop();
    else if (inside.shown) {
      const fail = /^\{\{- fail "(.*)" \}\}$/.exec(text);
      if (fail) throw new Error(fail[1]);
      out.push(fillLine(text, values, release, inside.dot));
    }
  }
  if (open.length !== 1) throw new Error('a block is not closed');
  return out.join('\n');
}
