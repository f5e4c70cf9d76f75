/** What stands around the pods: services, who may reach them, who scrapes them, and what scales workers. */
import { labels, metadata, PORTS } from './pods.ts';
import { ifSet, name, number, text, type Template, type Tree } from './tree.ts';

type Port = { readonly name: string; readonly port: number };

/** @param part the component; its own name may tell more. */
function service(called: string, part: string, ports: readonly Port[], headless = false): Tree {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: name(called), labels: labels(called) },
    spec: {
      type: 'ClusterIP',
      ...(headless ? { clusterIP: 'None' } : {}),
      selector: labels(part),
      ports: ports.map((port) => ({ ...port, targetPort: port.name })),
    },
  };
}

/** The public ports are open to whoever the cluster lets in, those of operations to the namespace. */
function policy(part: string, open: readonly number[], own: number): Tree {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadata(part),
    spec: {
      podSelector: { matchLabels: labels(part) },
      policyTypes: ['Ingress'],
      ingress: [
        ...open.map((port): Tree => ({ ports: [{ protocol: 'TCP', port }] })),
        { from: [{ podSelector: {} }], ports: [{ protocol: 'TCP', port: own }] },
      ],
    },
  };
}

function monitor(part: string, endpoint: Readonly<Record<string, Tree>>): Tree {
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'ServiceMonitor',
    metadata: metadata(part),
    spec: {
      selector: { matchLabels: labels(`${part}-ops`) },
      endpoints: [{ port: 'ops', path: '/metrics', interval: text('serviceMonitor.interval'), ...endpoint }],
    },
  };
}

const withToken: Tree = { type: 'Bearer', credentials: { name: text('auth.opsTokenSecret'), key: 'token' } };

/** The gateways reckon from load and latency how many workers it calls for; each tells the same. */
const scaledObject: Tree = {
  apiVersion: 'keda.sh/v1alpha1',
  kind: 'ScaledObject',
  metadata: metadata('worker'),
  spec: {
    scaleTargetRef: { name: name('worker') },
    minReplicaCount: number('keda.min'),
    maxReplicaCount: number('keda.max'),
    cooldownPeriod: number('keda.cooldown'),
    triggers: [
      {
        type: 'prometheus',
        metadata: {
          serverAddress: text('keda.prometheus'),
          query: 'max(batchyard_desired_workers{model="*"})',
          threshold: '1',
        },
      },
    ],
  },
};

const horizontal: Tree = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: metadata('worker'),
  spec: {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: name('worker') },
    minReplicas: number('hpa.min'),
    maxReplicas: number('hpa.max'),
    metrics: [
      {
        type: 'Resource',
        resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: number('hpa.cpu') } },
      },
    ],
  },
};

const PUBLIC: readonly Port[] = [
  { name: 'http', port: PORTS.http },
  { name: 'grpc', port: PORTS.grpc },
];

export const AROUND_TEMPLATES: readonly Template[] = [
  { file: 'gateway-service', manifest: service('gateway', 'gateway', PUBLIC) },
  {
    file: 'gateway-ops-service',
    manifest: service('gateway-ops', 'gateway', [{ name: 'ops', port: PORTS.ops }], true),
  },
  {
    file: 'worker-ops-service',
    manifest: service('worker-ops', 'worker', [{ name: 'ops', port: PORTS.workerOps }], true),
  },
  {
    file: 'gateway-policy',
    enabled: 'networkPolicy.enabled',
    manifest: policy(
      'gateway',
      PUBLIC.map(({ port }) => port),
      PORTS.ops,
    ),
  },
  { file: 'worker-policy', enabled: 'networkPolicy.enabled', manifest: policy('worker', [], PORTS.workerOps) },
  {
    file: 'gateway-monitor',
    enabled: 'serviceMonitor.enabled',
    manifest: monitor('gateway', { authorization: ifSet('auth.opsTokenSecret', withToken) }),
  },
  { file: 'worker-monitor', enabled: 'serviceMonitor.enabled', manifest: monitor('worker', {}) },
  { file: 'worker-keda', enabled: 'keda.enabled', manifest: scaledObject },
  { file: 'worker-hpa', enabled: 'hpa.enabled', manifest: horizontal },
];
