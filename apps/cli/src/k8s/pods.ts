/** The pods of gateways and workers, and what keeps enough of them. */
import { ifSet, ifUnset, items, name, number, text, tree, unlessAny, type Template, type Tree } from './tree.ts';

/** Of a process after SIGTERM, and a reserve. */
const END_S = 30;
/** A pod that ends is still sent requests until every node has heard of it. */
const LEAVE_S = 5;
export const PORTS = { http: 8000, grpc: 8001, ops: 8002, workerOps: 8003 } as const;

export const labels = (part: string): Tree => ({
  'app.kubernetes.io/name': 'batchyard',
  'app.kubernetes.io/instance': name(),
  'app.kubernetes.io/component': part,
});
export const metadata = (part: string): Tree => ({ name: name(part), labels: labels(part) });

const setting = (key: string, value: Tree): Tree => ({ name: key, value });
const secretOf = (key: string, path: string, field: string): Tree => ({
  name: key,
  valueFrom: { secretKeyRef: { name: text(path), key: field } },
});
const REDIS: readonly Tree[] = [
  ifSet('redis.secret', secretOf('REDIS_URL', 'redis.secret', 'url')),
  ifUnset('redis.secret', setting('REDIS_URL', text('redis.url'))),
  ifSet('redis.cluster', setting('BATCHYARD_REDIS_CLUSTER', '1')),
];

const CLOSED: Tree = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};
const UNPRIVILEGED: Tree = {
  runAsNonRoot: true,
  runAsUser: 1000,
  runAsGroup: 1000,
  fsGroup: 1000,
  seccompProfile: { type: 'RuntimeDefault' },
};

const probe = (path: string, seconds: number, failures: number): Tree => ({
  httpGet: { path, port: 'ops' },
  periodSeconds: seconds,
  timeoutSeconds: 2,
  failureThreshold: failures,
});
/** Alive is whose event loop turns, whatever Redis does; ready who can answer. Models may take minutes to load. */
const PROBES = {
  startupProbe: probe('/livez', 2, 150),
  livenessProbe: probe('/livez', 10, 3),
  readinessProbe: probe('/readyz', 2, 2),
};

type Pod = {
  readonly part: 'gateway' | 'worker';
  readonly replicas: Tree;
  readonly ports: readonly Tree[];
  readonly env: readonly Tree[];
  readonly mounts: readonly Tree[];
  readonly volumes: readonly Tree[];
  readonly lifecycle: Readonly<Record<string, Tree>>;
  readonly graceS: number;
};

function deployment({ part, replicas, ports, env, mounts, volumes, lifecycle, graceS }: Pod): Tree {
  const container: Tree = {
    name: part,
    image: text(`images.${part}`),
    imagePullPolicy: text('images.pullPolicy'),
    securityContext: CLOSED,
    ports,
    env: [...env, ...REDIS, items(`${part}.extraEnv`)],
    ...PROBES,
    ...lifecycle,
    resources: tree(`${part}.resources`),
    volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }, ...mounts],
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadata(part),
    spec: {
      replicas,
      selector: { matchLabels: labels(part) },
      // One more before one less, so that the cluster's rate is never below what was asked for.
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        metadata: { labels: labels(part) },
        spec: {
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: graceS,
          securityContext: UNPRIVILEGED,
          containers: [container],
          volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '64Mi' } }, ...volumes],
        },
      },
    },
  };
}

const gateway = deployment({
  part: 'gateway',
  replicas: number('gateway.replicas'),
  ports: [
    { name: 'http', containerPort: PORTS.http },
    { name: 'grpc', containerPort: PORTS.grpc },
    { name: 'ops', containerPort: PORTS.ops },
  ],
  env: [
    setting('HOST', '0.0.0.0'),
    setting('PORT', String(PORTS.http)),
    setting('GRPC_PORT', String(PORTS.grpc)),
    setting('OPS_HOST', '0.0.0.0'),
    setting('OPS_PORT', String(PORTS.ops)),
    setting('BATCHYARD_DURABILITY', text('redis.durability')),
    ifSet('auth.insecure', setting('BATCHYARD_INSECURE_NO_AUTH', '1')),
    ifSet('auth.opsTokenSecret', secretOf('BATCHYARD_OPS_TOKEN', 'auth.opsTokenSecret', 'token')),
    ifSet('auth.apiKeysSecret', setting('BATCHYARD_API_KEYS_FILE', '/etc/batchyard/keys.json')),
  ],
  mounts: [ifSet('auth.apiKeysSecret', { name: 'keys', mountPath: '/etc/batchyard', readOnly: true })],
  volumes: [ifSet('auth.apiKeysSecret', { name: 'keys', secret: { secretName: text('auth.apiKeysSecret') } })],
  lifecycle: {
    lifecycle: { preStop: { exec: { command: ['node', '-e', `setTimeout(() => {}, ${LEAVE_S * 1_000})`] } } },
  },
  graceS: END_S + LEAVE_S,
});

const worker = deployment({
  part: 'worker',
  replicas: unlessAny(['keda.enabled', 'hpa.enabled'], number('worker.replicas')),
  ports: [{ name: 'ops', containerPort: PORTS.workerOps }],
  env: [
    setting('WORKER_OPS_HOST', '0.0.0.0'),
    setting('WORKER_OPS_PORT', String(PORTS.workerOps)),
    setting('BATCHYARD_MODELS', '/models'),
    setting('BATCHYARD_DATA', '/data'),
  ],
  mounts: [
    { name: 'data', mountPath: '/data' },
    { name: 'models', mountPath: '/models', readOnly: true },
  ],
  volumes: [
    { name: 'data', emptyDir: { sizeLimit: '64Mi' } },
    { name: 'models', persistentVolumeClaim: { claimName: text('worker.modelsClaim'), readOnly: true } },
  ],
  lifecycle: {},
  graceS: END_S,
});

const budget = (part: string): Tree => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: metadata(part),
  spec: { minAvailable: number(`${part}.minAvailable`), selector: { matchLabels: labels(part) } },
});

export const POD_TEMPLATES: readonly Template[] = [
  { file: 'gateway-deployment', manifest: gateway },
  { file: 'gateway-budget', manifest: budget('gateway') },
  { file: 'worker-deployment', manifest: worker },
  { file: 'worker-budget', manifest: budget('worker') },
];
