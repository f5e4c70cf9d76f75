import { connectRedis } from '@batchyard/shared/runtime/redis';
import { startRedis } from '../tests/support/redis.ts';
import { startHelper } from './processes/helper.ts';
import { createCleanup } from './processes/cleanup.ts';
const kind = process.argv[2]!;
const cleanup = createCleanup();
const server = await startRedis(); cleanup.add(() => server.stop());
const redis = connectRedis(server.url, 'commands', { commandTimeout: 10000 }); await redis.connect();
await redis.config('SET','auto-aof-rewrite-percentage','0');
if (process.argv[3]) await redis.config('SET','appendonly','no');
const system = kind === 'bullmq' ? 'bullmq' : 'batchyard';
const producer = startHelper<any>(`queue-load/${system}-producer.ts`), consumer = startHelper<any>(`queue-load/${system}-consumer.ts`);
cleanup.add(() => Promise.all([producer.stop(), consumer.stop()]));
const settings = { redisUrl: server.url, kind, window: 1024, keepS: 2, queue: `bench-${kind}@1` };
await Promise.all([producer.ask('prepare', settings), consumer.ask('prepare', settings)]);
if (kind !== 'attached') consumer.onNotice((jobs) => void producer.ask('credit', jobs));
await producer.ask('start');
const cpu = async () => Object.fromEntries([...(await redis.info('cpu')).matchAll(/^(used_cpu_(?:sys|user)):([\d.]+)/gm)].map((m) => [m[1], Number(m[2])]));
for (let i = 0; i < 8; i++) {
  await redis.config('RESETSTAT');
  const a = await consumer.ask('sample'); const pa = await producer.ask('sample'); const ca = await cpu();
  await new Promise((r) => setTimeout(r, 2500));
  const b = await consumer.ask('sample'); const pb = await producer.ask('sample'); const cb = await cpu();
  const n = b.jobs - a.jobs;
  const us = (k: string) => ((1e6 * (cb[k] - ca[k])) / n).toFixed(0);
  console.log(n / 2.5, 'jobs/s; prod', ((pb.cpuMicros - pa.cpuMicros) / n).toFixed(0), 'cons', ((b.cpuMicros - a.cpuMicros) / n).toFixed(0), 'redis user', us('used_cpu_user'), 'sys', us('used_cpu_sys'), 'completed', await redis.zcard(kind === 'bullmq' ? 'bull:bench-bullmq@1:completed' : `{by0}:bench-${kind}@1:completed`));
  if (i === 7) console.log([...(await redis.info('commandstats')).matchAll(/cmdstat_(\S+):calls=(\d+),usec=(\d+)/g)].map((m) => [m[1], (Number(m[2]) / n).toFixed(2), (Number(m[3]) / n).toFixed(1)]).sort((x, y) => Number(y[2]) - Number(x[2])).slice(0, 16).map((x) => x.join(' ')).join('\n'));
}
await cleanup.run(); process.exit();
