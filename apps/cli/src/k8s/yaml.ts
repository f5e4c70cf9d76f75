/** YAML of what manifests are made of, and of Helm's templates between it. */
import { isGuarded, isHole, isList, type Guarded, type Hole, type Tree } from './tree.ts';

/** Words that are safe without quotes; whatever else is text stands in JSON's, which YAML reads the same. */
const PLAIN = /^(?!(?:true|false|null|yes|no|on|off|y|n)$)[A-Za-z/][A-Za-z0-9_./-]*$/i;
const scalar = (value: string | number | boolean): string =>
  typeof value === 'string' && !PLAIN.test(value) ? JSON.stringify(value) : String(value);

const values = (path: string): string => `.Values.${path}`;

function condition({ when: { any, is } }: Guarded): string {
  const [first = ''] = any;
  const whole = any.length === 1 ? values(first) : `(or ${any.map(values).join(' ')})`;
  return is ? values(first) : `not ${whole}`;
}

/** What a hole is inside a line. */
function inline(hole: Hole): string | undefined {
  switch (hole.hole) {
    case 'name':
      return hole.part === '' ? '{{ .Release.Name | quote }}' : `"{{ .Release.Name }}-${hole.part}"`;
    case 'text':
      return `{{ ${values(hole.path)} | quote }}`;
    case 'number':
      return `{{ ${values(hole.path)} }}`;
    case 'tree':
    case 'items':
      return undefined;
  }
}

function guarded(node: Guarded, inside: (what: Tree) => string[]): string[] {
  return [`{{- if ${condition(node)} }}`, ...inside(node.what), '{{- end }}'];
}

/** `key: value`, or the key and its lines below. */
function entry(key: string, value: Tree, depth: number): string[] {
  const head = `${' '.repeat(depth)}${scalar(key)}:`;
  if (typeof value !== 'object') return [`${head} ${scalar(value)}`];
  if (isGuarded(value)) return guarded(value, (what) => entry(key, what, depth));
  if (isHole(value)) {
    const short = inline(value);
    return short === undefined
      ? [head, `{{ toYaml ${values((value as { path: string }).path)} | indent ${depth + 2} }}`]
      : [`${head} ${short}`];
  }
  const below = lines(value, depth + 2);
  if (below.length === 0) return [`${head} ${isList(value) ? '[]' : '{}'}`];
  return [head, ...below];
}

function item(value: Tree, depth: number): string[] {
  const dash = `${' '.repeat(depth)}- `;
  if (typeof value !== 'object') return [dash + scalar(value)];
  if (isGuarded(value)) return guarded(value, (what) => item(what, depth));
  if (isHole(value)) {
    if (value.hole === 'items')
      return [`{{- with ${values(value.path)} }}`, `{{ toYaml . | indent ${depth} }}`, '{{- end }}'];
    return [dash + (inline(value) ?? '')];
  }
  const below = lines(value, depth + 2);
  const first = below.findIndex((line) => line.startsWith(' '));
  if (first < 0) return [`${dash}{}`];
  return below.map((line, i) => (i === first ? dash + line.slice(depth + 2) : line));
}

function lines(node: Tree, depth: number): string[] {
  if (isList(node)) return node.flatMap((one) => item(one, depth));
  return Object.entries(node as Readonly<Record<string, Tree>>).flatMap(([key, value]) => entry(key, value, depth));
}

/** With a line break at the end. */
export const toYaml = (node: Tree): string => `${lines(node, 0).join('\n')}\n`;
