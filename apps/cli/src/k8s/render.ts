/** The manifests of some values, as plain YAML, and the Helm chart that makes the same of them. */
import { z } from 'zod';

import { AROUND_TEMPLATES } from './around.ts';
import { POD_TEMPLATES } from './pods.ts';
import { isGuarded, isHole, isList, type Tree } from './tree.ts';
import { DEFAULT_VALUES, valuesSchema, type Values } from './values.ts';
import { toYaml } from './yaml.ts';

const TEMPLATES = [...POD_TEMPLATES, ...AROUND_TEMPLATES];

function at(values: Values, path: string): unknown {
  return path.split('.').reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], values);
}
const holds = (values: Values, path: string): boolean => Boolean(at(values, path));

type Facts = { readonly values: Values; readonly release: string };
const GONE = Symbol('left out');

function fill(node: Tree, facts: Facts): Tree | typeof GONE {
  if (typeof node !== 'object') return node;
  if (isGuarded(node)) {
    const any = node.when.any.some((path) => holds(facts.values, path));
    return any === node.when.is ? fill(node.what, facts) : GONE;
  }
  if (isHole(node)) {
    if (node.hole === 'name') return node.part === '' ? facts.release : `${facts.release}-${node.part}`;
    return at(facts.values, node.path) as Tree;
  }
  if (isList(node))
    return node.flatMap((one) => {
      const filled = fill(one, facts);
      if (filled === GONE) return [];
      return typeof one === 'object' && isHole(one) && one.hole === 'items' ? filled : [filled];
    });
  const entries = Object.entries(node).flatMap(([key, value]) => {
    const filled = fill(value, facts);
    return filled === GONE ? [] : [[key, filled] as const];
  });
  return Object.fromEntries(entries);
}

/** @param release what all of it is called, and begins with */
export function makeManifests(values: Values, release: string): Tree[] {
  return TEMPLATES.filter(({ enabled }) => enabled === undefined || holds(values, enabled)).flatMap(({ manifest }) => {
    const filled = fill(manifest, { values, release });
    return filled === GONE ? [] : [filled];
  });
}

export const renderManifests = (values: Values, release: string): string =>
  makeManifests(values, release).map(toYaml).join('---\n');

const CHART: Tree = {
  apiVersion: 'v2',
  name: 'batchyard',
  description: 'The durable inference queue: gateways and workers around a Redis',
  type: 'application',
  version: '0.1.0',
  appVersion: '0.1.0',
  kubeVersion: '>=1.25.0-0',
};
const MADE = '# Made by `batchyard k8s chart`: what it says is written in apps/cli/src/k8s.\n';
/** Of the values that do not go together; what each may be says values.schema.json. */
const CHECKS = `{{- if and .Values.keda.enabled .Values.hpa.enabled }}
{{- fail "keda.enabled and hpa.enabled: one of the two scales workers, not both" }}
{{- end }}
{{- if not (or .Values.auth.insecure .Values.auth.apiKeysSecret) }}
{{- fail "auth.apiKeysSecret: gateways want API keys before others can reach them; auth.insecure=true says otherwise" }}
{{- end }}
`;

/** The files of the chart, by their paths in it. */
export function chartFiles(): Record<string, string> {
  const templates = TEMPLATES.map(({ file, enabled, manifest }) => {
    const body = toYaml(manifest);
    const whole = enabled === undefined ? body : `{{- if .Values.${enabled} }}\n${body}{{- end }}\n`;
    return [`templates/${file}.yaml`, MADE + whole] as const;
  });
  return {
    'Chart.yaml': MADE + toYaml(CHART),
    'values.yaml': MADE + toYaml(DEFAULT_VALUES as unknown as Tree),
    'values.schema.json': `${JSON.stringify(z.toJSONSchema(valuesSchema, { target: 'draft-7' }), null, 2)}\n`,
    'templates/checks.yaml': MADE + CHECKS,
    ...Object.fromEntries(templates),
  };
}
