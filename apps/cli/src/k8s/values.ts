/** What may be set of the manifests, with what it is where nobody sets it: the chart's values.yaml and values.schema.json. */
import { z } from 'zod';

const count = (least: number) => z.int().min(least);
const quantities = z.record(z.string(), z.union([z.string(), z.number()]));
const resources = z.strictObject({ requests: quantities.optional(), limits: quantities.optional() });
const extraEnv = z.array(z.looseObject({ name: z.string() })).describe('Further settings, as in a container.');

export const valuesSchema = z.strictObject({
  images: z
    .strictObject({
      gateway: z.string().min(1),
      worker: z.string().min(1),
      pullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']),
    })
    .describe('Built by the targets `gateway` and `worker` of the Dockerfile.'),
  redis: z.strictObject({
    url: z
      .string()
      .describe('Of a cluster one or more nodes, with commas between them. Not used where `secret` is set.'),
    secret: z.string().describe('A Secret whose key `url` is the address, password and all.'),
    cluster: z.boolean().describe('It is a Redis Cluster.'),
    durability: z.enum(['durable', 'auto', 'ephemeral']),
  }),
  auth: z
    .strictObject({
      insecure: z.boolean().describe('Whoever reaches the gateways needs no key.'),
      opsTokenSecret: z.string().describe('A Secret whose key `token` is what the operations port asks for.'),
      apiKeysSecret: z.string().describe('A Secret whose key `keys.json` is the file of API keys.'),
    })
    .describe('Without keys, and without saying so by `insecure`, no gateway starts.'),
  gateway: z.strictObject({ replicas: count(1), minAvailable: count(0), resources, extraEnv }),
  worker: z.strictObject({
    replicas: count(0),
    minAvailable: count(0),
    modelsClaim: z.string().min(1).describe('A PersistentVolumeClaim with the model repository; it is only read.'),
    resources,
    extraEnv,
  }),
  networkPolicy: z.strictObject({ enabled: z.boolean() }),
  serviceMonitor: z.strictObject({ enabled: z.boolean(), interval: z.string() }),
  keda: z
    .strictObject({
      enabled: z.boolean(),
      min: count(0),
      max: count(1),
      cooldown: count(0).describe('Seconds.'),
      prometheus: z.string().describe('Which scrapes the gateways.'),
    })
    .describe('Scales workers by batchyard_desired_workers.'),
  hpa: z
    .strictObject({ enabled: z.boolean(), min: count(1), max: count(1), cpu: z.int().min(1).max(100) })
    .describe('Scales workers by their processor time, where there is no KEDA. Not together with it.'),
});
export type Values = z.infer<typeof valuesSchema>;

export const DEFAULT_VALUES: Values = {
  images: { gateway: 'batchyard/gateway:0.1.0', worker: 'batchyard/worker:0.1.0', pullPolicy: 'IfNotPresent' },
  redis: { url: 'redis://redis:6379', secret: '', cluster: false, durability: 'durable' },
  auth: { insecure: false, opsTokenSecret: '', apiKeysSecret: '' },
  gateway: {
    replicas: 2,
    minAvailable: 1,
    resources: { requests: { cpu: '500m', memory: '512Mi' }, limits: { memory: '1Gi' } },
    extraEnv: [],
  },
  worker: {
    replicas: 2,
    minAvailable: 1,
    modelsClaim: 'batchyard-models',
    resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { memory: '2Gi' } },
    extraEnv: [],
  },
  networkPolicy: { enabled: true },
  serviceMonitor: { enabled: false, interval: '5s' },
  keda: { enabled: false, min: 1, max: 8, cooldown: 300, prometheus: 'http://prometheus-operated:9090' },
  hpa: { enabled: false, min: 1, max: 8, cpu: 70 },
};

type Plain = Readonly<Record<string, unknown>>;
const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What is set, over what is not. */
function merged(base: unknown, over: unknown): unknown {
  if (!isPlain(base) || !isPlain(over)) return over;
  const entries = Object.entries(over).map(([key, value]) => [key, key in base ? merged(base[key], value) : value]);
  return { ...base, ...Object.fromEntries(entries) };
}

/** `a.b=1` as `{ a: { b: 1 } }`; what is no JSON is text. */
function assigned(text: string): unknown {
  const at = text.indexOf('=');
  if (at < 1) throw new Error(`--set wants PATH=VALUE, not '${text}'`);
  const value = text.slice(at + 1);
  const parsed = ((): unknown => {
    try {
      return JSON.parse(value);
    } catch {
      return value;
    }
  })();
  return text
    .slice(0, at)
    .split('.')
    .reduceRight<unknown>((inner, key) => ({ [key]: inner }), parsed);
}

/** @throws Error that names the value */
export function makeValues(file: unknown, sets: readonly string[]): Values {
  const all = [file ?? {}, ...sets.map(assigned)].reduce((base, over) => merged(base, over), DEFAULT_VALUES as unknown);
  const parsed = valuesSchema.safeParse(all);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`${issue?.path.join('.') || 'the values'}: ${issue?.message}`);
  }
  const { keda, hpa, auth } = parsed.data;
  if (keda.enabled && hpa.enabled)
    throw new Error('keda.enabled and hpa.enabled: one of the two scales workers, not both');
  if (!auth.insecure && auth.apiKeysSecret === '')
    throw new Error(
      'auth.apiKeysSecret: gateways want API keys before others can reach them; auth.insecure=true says otherwise',
    );
  return parsed.data;
}
