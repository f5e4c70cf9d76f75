/** What the chart is filled in with: each list is one installation. */
export const SETTINGS: readonly (readonly string[])[] = [
  ['auth.insecure=true'],
  ['auth.apiKeysSecret=keys', 'auth.opsTokenSecret=ops', 'serviceMonitor.enabled=true', 'keda.enabled=true'],
  ['auth.apiKeysSecret=keys', 'hpa.enabled=true', 'redis.secret=redis', 'redis.cluster=true'],
  [
    'auth.insecure=true',
    'networkPolicy.enabled=false',
    'worker.replicas=7',
    'gateway.extraEnv=[{"name":"LOG_LEVEL","value":"debug"}]',
    'worker.resources={"requests":{"cpu":2}}',
  ],
];
