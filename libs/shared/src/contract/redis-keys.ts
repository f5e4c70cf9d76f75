/**
 * Every key in Redis, spelled once.
 *
 * | key | type | writer | reader | lives |
 * | --- | --- | --- | --- | --- |
 * | `{by<k>}:<queue>:*` | BullMQ's own | the scripts, BullMQ's tools | the same | as in BullMQ |
 * | `{by0}:x:queues` | hash queue → model JSON | worker at load and at the end, check-in where it is missing | gateway, each second; worker at load | until the model is withdrawn and nothing of its queue is left |
 * | `{by0}:x:details` | hash queue → JSON of ModelDetails | worker at load, and twice a minute | gateway, when it is asked | as `queues` |
 * | `{by0}:x:repository:<worker>` | string: JSON of a RepositoryReport | that worker, when something changes and each 20 s | gateway (POST /v2/repository/…) | 60 s |
 * | `{by0}:x:wishes` | hash model → JSON of a ModelWish; field `''`: the id of the last one | gateway (POST /v2/repository/models/…) | workers under explicit control, four times a second | always; 4,096 models |
 * | `{by0}:x:batching` | hash queue → JSON of a BatchingChange | gateway (PUT …/batching) | check-in, gateway | until it is taken back |
 * | `{by<k>}:x:<queue>:deadlines` | zset id → ms | addMany, terminal steps | sweep | with its jobs |
 * | `{by<k>}:x:<queue>:credit` | hash class → rows | takeMany | takeMany | with the queue |
 * | `{by<k>}:x:<queue>:stats` | hash of counters | finishMany, failMany, …; gateway, each second | gateway | with the queue |
 * | `{by<k>}:x:<queue>:jobs` | zset `<tenant> <ms> <id>` of durable jobs, scores 0 | addMany, whatever removes a job | gateway (GET /v1/jobs) | with its jobs |
 * | `{by<k>}:x:<queue>:jobs-swept` | string: the member at which the last sweep of it stopped | sweep | sweep | until it has been through |
 * | `{by<k>}:x:<queue>:tombs` | zset id → ms | whatever removes a result | gateway (410) | one more RESULT_TTL |
 * | `{by<k>}:x:idem:<hash of tenant and Idempotency-Key>` | string: JSON of the first submit with the key | addMany | gateways, at a submit with the key | 24 h |
 * | `{by0}:x:idem-turn:<the same hash>` | string: whose turn it is to store a job with the key, on a Redis Cluster | gateways | the same | 3 s |
 * | `{by<k>}:x:idem-counts` | hash hour → such keys that began in it | addMany | addMany, which keeps to a million | 26 h |
 * | `{by<k>}:x:hook:<job>` | hash of a webhook: `r` (JSON of a HookRecord), `h` its host, `n` deliveries, `d:<n>` (JSON of a Delivery) | addMany, takeHooks, settleHook | takeHooks, gateway (GET …/webhook) | 48 h while it is told, 1 h after |
 * | `{by<k>}:x:hooks` | zset `<job> <n>` of deliveries that are not over → when they are due, or their lease ends (ms) | takeHooks, settleHook | the same | until they are over |
 * | `{by0}:x:hook-secret` | string `whsec_…` | the first gateway | gateways | always |
 * | `{by<k>}:x:reply:webhooks` | stream: ends of jobs with a webhook, as if it were a gateway's | addMany makes it; finishMany, failMany, … | takeHooks | always |
 * | `{by<k>}:x:reply:<gateway>` | stream | finishMany, failMany, … | that gateway | 60 s after its last sign of life |
 * | `{by<k>}:x:started:<token>` | string `,<batch>,<batch>,` | worker before it runs a batch | releaseWorker, recoverLapsed | 1 h |
 * | `{by<k>}:x:dead:<token>` | string | claimDead, releaseWorker | takeMany, checkIn, recoverLapsed | 1 h |
 * | `{by<k>}:x:given:<token>:<batch>` | string | giveBack of a whole batch | takeMany | 60 s |
 * | `{by0}:x:workers` | zset worker → beat (ms) | checkIn | gateway | pruned after 60 s of silence |
 * | `{by0}:x:worker:<worker>` | hash `beat`, `token`, `state` (heartbeat JSON) | checkIn | gateway, claimDead | 60 s |
 * | `{by0}:x:cache:<queue>:…` | string: a result's tensor blob, or one byte: it is being computed | keepMany; gateway | gateways | BATCHYARD_CACHE_TTL; 1 s |
 * | `{by0}:x:kept` | zset `<bytes>:<key>` of such a result → when it lapses (ms); member `''` → their bytes, negated | keepMany | keepMany, gateways | with the last of them |
 * | `{by0}:x:purges` | hash model (or `*`) → count | gateway (DELETE /v1/cache) | gateways, each second | always |
 * | `{by0}:x:steering` | string: the gateway that steers | steer | steer | 3 s |
 * | `{by0}:x:balancer` | string: JSON of a BalancerChange | gateway (PUT /v1/balancer) | gateways, each second | until it is taken back |
 * | `{by0}:x:drains` | hash worker → JSON of a DrainWish | any gateway | gateways, each second | until it is taken back, or the worker is gone |
 * | `{by<k>}:x:worker:<worker>`, k > 0 | hash `beat`, `token` | beat, on a Redis Cluster | recoverLapsed | 60 s |
 * | `{by<k>}:x:<queue>:turns` | zset worker → rows taken over its weight | takeMany, by strategies with turns | the same | 10 s after the last take |
 * | `{by0}:x:directive:<worker>` | string (JSON) | steer, by the gateway that steers | checkIn | 5 s |
 * | `{by0}:x:supervisors` | set of supervisors | each supervisor, each second | gateways | until one has said nothing for 5 s |
 * | `{by0}:x:supervisor:<supervisor>` | string: JSON of a SupervisorReport | that supervisor, each second | gateways | 5 s |
 * | `{by0}:x:scale:<supervisor>` | string: JSON of a ScaleWish | gateway (the one that steers, or POST /v1/workers/scale) | that supervisor, each second; gateways | 5 min |
 * | `{by0}:x:tuning` | hash: `state` (JSON of a TuningState), `cache` (JSON of CacheLimits), `clean_up` (ms), `ask:<rule>` | gateway (the one that steers, or a person's wish) | gateways, and workers with checkIn, each second | always; 200 runs |
 * | `{by0}:x:events` | stream of ClusterEvent JSON | whoever has something to tell | gateways, each second | the last 1,000 |
 * | `{by0}:x:samples` | stream of Samples: JSON, deflated (runtime/packed-text.ts) | the gateway that steers, each second | gateways, each second | the last 3,600 |
 * | `{by0}:x:seconds` | stream of Second JSON | each gateway, each second | the gateway that steers, each second | 60 s, the last 512 |
 * | `{by0}:x:loadtest` | string: the load test that runs | the gateway that runs it | gateways | 15 s |
 * | `{by0}:x:loadtests` | list of LoadRun JSON, the newest first | the gateway that ran it | gateways | the last 20, a week |
 * | `{by0}:x:acknowledged` | hash alert → ms | gateway (POST /v1/alerts/…/acknowledge) | gateways, while an alert is raised | 24 h |
 * | `{by0}:x:keys` | hash id → JSON of an ApiKey, `version` | gateway (POST, DELETE /v1/keys) | gateways, each second | until it is revoked |
 * | `{by0}:x:rate:<key id>` | string `<rows left> <ms>`: its bucket | settleRates | the same | until the bucket is full |
 */

/** CRC16 (XMODEM, the one of the Redis Cluster specification). */
function crc16(text: string): number {
  let crc = 0;
  for (const byte of Buffer.from(text)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}

export const SHARDS = 16;

/** BullMQ's `prefix` of a shard: its braces are the cluster's hash tag. */
export const shardPrefix = (shard: number): string => `{by${shard}}`;

/** The cluster's slot in which all keys of a shard lie. */
export const slotOfShard = (shard: number): number => crc16(`by${shard}`) % 16_384;

/** @returns the shard of a model: 0 on a single Redis, one of 16 on a cluster. */
export const shardOfModel = (model: string, cluster: boolean): number => (cluster ? crc16(model) % SHARDS : 0);

/** Base of BullMQ's own keys of a queue, with the closing colon. */
export const queueBase = (prefix: string, queue: string): string => `${prefix}:${queue}:`;
/** Base of our keys of a queue, with the closing colon; not under BullMQ's base, so that obliterate spares them. */
export const extraBase = (prefix: string, queue: string): string => `${prefix}:x:${queue}:`;

/** The durable jobs of a queue. */
export const jobIndexKey = (prefix: string, queue: string): string => `${extraBase(prefix, queue)}jobs`;

export const queuesKey = (prefix: string): string => `${prefix}:x:queues`;
export const detailsKey = (prefix: string): string => `${prefix}:x:details`;
export const repositoryKey = (prefix: string, worker: string): string => `${prefix}:x:repository:${worker}`;
export const wishesKey = (prefix: string): string => `${prefix}:x:wishes`;
export const batchingKey = (prefix: string): string => `${prefix}:x:batching`;
export const replyStreamKey = (prefix: string, gateway: string): string => `${prefix}:x:reply:${gateway}`;
export const claimKey = (prefix: string, key: string): string => `${prefix}:x:idem:${key}`;
export const claimTurnKey = (prefix: string, key: string): string => `${prefix}:x:idem-turn:${key}`;
export const hookKey = (prefix: string, job: string): string => `${prefix}:x:hook:${job}`;
export const hooksKey = (prefix: string): string => `${prefix}:x:hooks`;
export const hookSecretKey = (prefix: string): string => `${prefix}:x:hook-secret`;
export const startedKey = (prefix: string, token: string): string => `${prefix}:x:started:${token}`;
export const deadKey = (prefix: string, token: string): string => `${prefix}:x:dead:${token}`;
export const workersKey = (prefix: string): string => `${prefix}:x:workers`;
export const workerKey = (prefix: string, worker: string): string => `${prefix}:x:worker:${worker}`;
/** @param key of cacheKey: it begins with the queue */
export const cachedKey = (prefix: string, key: string): string => `${prefix}:x:cache:${key}`;
export const keptKey = (prefix: string): string => `${prefix}:x:kept`;
export const purgesKey = (prefix: string): string => `${prefix}:x:purges`;
export const steeringKey = (prefix: string): string => `${prefix}:x:steering`;
export const balancerKey = (prefix: string): string => `${prefix}:x:balancer`;
export const drainsKey = (prefix: string): string => `${prefix}:x:drains`;
export const directiveKey = (prefix: string, worker: string): string => `${prefix}:x:directive:${worker}`;
export const supervisorsKey = (prefix: string): string => `${prefix}:x:supervisors`;
export const supervisorKey = (prefix: string, supervisor: string): string => `${prefix}:x:supervisor:${supervisor}`;
export const scaleKey = (prefix: string, supervisor: string): string => `${prefix}:x:scale:${supervisor}`;
export const tuningKey = (prefix: string): string => `${prefix}:x:tuning`;
export const eventsKey = (prefix: string): string => `${prefix}:x:events`;
export const samplesKey = (prefix: string): string => `${prefix}:x:samples`;
export const secondsKey = (prefix: string): string => `${prefix}:x:seconds`;
export const loadTestKey = (prefix: string): string => `${prefix}:x:loadtest`;
export const loadTestsKey = (prefix: string): string => `${prefix}:x:loadtests`;
export const keysKey = (prefix: string): string => `${prefix}:x:keys`;
export const acknowledgedKey = (prefix: string): string => `${prefix}:x:acknowledged`;
