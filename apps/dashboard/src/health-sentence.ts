/** The state of the cluster in one sentence, the worst first. Pure. */
import { count, duration, percent, plural } from './format.ts';
import type { Sample } from './types.ts';

export type Health = { readonly level: 'good' | 'warning' | 'critical' | 'unknown'; readonly sentence: string };

/** Queues whose oldest job waits longer than this are behind. */
const BEHIND_MS = 1_000;
const OLD_MS = 10_000;
const STALE_MS = 5_000;
const FULL_SHARE = 0.75;

function behind({ models }: Sample): Health | undefined {
  const late = Object.values(models).filter(({ queue }) => queue.depth > 0 && queue.oldest_ms > BEHIND_MS);
  if (late.length === 0) return undefined;
  const oldest = Math.max(...late.map(({ queue }) => queue.oldest_ms));
  const waiting = late.reduce((sum, { queue }) => sum + queue.depth, 0);
  const advice = late.every(({ workers }) => workers > 0) ? 'add workers' : 'start a worker';
  const sentence = `${plural(late.length, 'queue')} behind: ${count(waiting)} jobs wait, the oldest for ${duration(oldest)}; ${advice}.`;
  return { level: oldest > OLD_MS ? 'critical' : 'warning', sentence };
}

/** @param sample the newest, if there is one */
export function healthOf(sample: Sample | undefined, nowMs: number): Health {
  if (!sample) return { level: 'unknown', sentence: 'Waiting for the first sample of the cluster …' };
  if (nowMs - sample.at_ms > STALE_MS)
    return { level: 'critical', sentence: `No sample for ${duration(nowMs - sample.at_ms)}: no gateway steers now.` };
  const models = Object.entries(sample.models);
  const dead = models.filter(([, { workers }]) => workers === 0).map(([queue]) => queue);
  if (models.length > 0 && dead.length === models.length)
    return { level: 'critical', sentence: 'No worker serves any model: what is submitted waits. Start a worker.' };
  const late = behind(sample);
  if (late) return late;
  if (dead.length > 0) return { level: 'warning', sentence: `No worker serves ${dead.join(', ')}; start one.` };
  if (sample.redis.memory_share > FULL_SHARE)
    return {
      level: 'critical',
      sentence: `Redis is ${percent(sample.redis.memory_share)} full: new requests are refused; raise maxmemory.`,
    };
  const critical = sample.alerts.find(({ severity }) => severity === 'critical');
  const alert = critical ?? sample.alerts[0];
  if (alert)
    return {
      level: alert.severity,
      sentence: `${plural(sample.alerts.length, 'alert')} raised: ${alert.metric.replaceAll('_', ' ')} is ${alert.severity}.`,
    };
  const busy = sample.requests_per_s > 0;
  const p99 = sample.latency.all?.p99_ms;
  const load = busy
    ? `${count(sample.requests_per_s)} requests a second${p99 === undefined ? '' : `, p99 ${duration(p99)}`}`
    : 'idle, and ready';
  return { level: 'good', sentence: `All is well: ${load}.` };
}
