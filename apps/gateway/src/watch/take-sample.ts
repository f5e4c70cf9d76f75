/** What the gateway that steers does each second for the whole cluster: merges, decides the alerts, and writes the sample. */
import type { QueueCounts } from '@batchyard/queue/count-jobs';
import type { StreamEntry, Watching } from '@batchyard/queue/watching';
import { SAMPLE_WORDS, sampleSchema, type AlertState, type Sample } from '@batchyard/shared/contract/sample';
import { unpackText } from '@batchyard/shared/runtime/packed-text';

import { stepAlert, type Notice } from '../monitor/alert-state.ts';
import { makeSample, type QueueLook, type RedisLook } from '../monitor/make-sample.ts';
import { RULES } from '../monitor/thresholds.ts';
import { createWorkerRates, type Beat } from '../monitor/worker-rates.ts';

type Parts = {
  readonly gateway: string;
  readonly watching: Pick<Watching, 'seconds' | 'recordSample' | 'acknowledged'>;
  readonly beats: () => readonly Beat[];
  readonly queues: () => readonly string[];
  readonly counts: (queue: string) => Promise<QueueCounts>;
  readonly statistics: (queue: string) => Promise<Readonly<Record<string, number>>>;
  readonly redis: () => RedisLook;
  readonly samples: () => readonly StreamEntry[];
  readonly tell: (metric: string, notice: Notice, nowMs: number) => void;
};

export type TakeSample = {
  /** Each second, whether or not this gateway steers: whoever begins to knows the rates already. */
  look(nowMs: number): void;
  /** @param ownSecond id of what this gateway has told last */
  take(ownSecond: string): Promise<void>;
};

/** Alerts look at no more. */
const RECENT = 60;
/** A sample that is older is of another time: what was told since then is not of one second. */
const STALE_MS = 10_000;

const msOf = (id: string): number => Number(id.split('-')[0]);

export function parseSample({ text }: StreamEntry): Sample | undefined {
  try {
    return sampleSchema.safeParse(JSON.parse(unpackText(text, SAMPLE_WORDS))).data;
  } catch {
    return undefined;
  }
}

export function createTakeSample(parts: Parts): TakeSample {
  const { gateway, watching, beats, redis, tell } = parts;
  const rates = createWorkerRates();
  const parsed = new Map<string, Sample | undefined>();
  let queuesBefore: ReadonlyMap<string, QueueLook> = new Map();
  let redisBefore: RedisLook | undefined;
  let own: Sample | undefined;

  /** The last minute, the newest last; each is parsed once. */
  function recent(): Sample[] {
    const entries = parts.samples().slice(-RECENT);
    for (const id of parsed.keys()) if (entries.every((entry) => entry.id !== id)) parsed.delete(id);
    for (const entry of entries) if (!parsed.has(entry.id)) parsed.set(entry.id, parseSample(entry));
    const known = entries.flatMap(({ id }) => parsed.get(id) ?? []);
    // Its own last one may not have come back yet.
    return own && own.at_ms > (known.at(-1)?.at_ms ?? 0) ? [...known, own] : known;
  }
  async function lookAt(queue: string): Promise<[string, QueueLook]> {
    const [counts, statistics] = await Promise.all([parts.counts(queue), parts.statistics(queue)]);
    const { depth, active, oldestMs, sla } = counts;
    const failed = statistics['fail'] ?? 0;
    const ended = (statistics['success'] ?? 0) + failed;
    return [queue, { depth, active, oldestMs: Math.max(...Object.values(oldestMs)), ended, failed, sla }];
  }
  async function decide(draft: Omit<Sample, 'alerts'>, before: readonly Sample[]) {
    const states = before.at(-1)?.alerts ?? {};
    const anyRaised = Object.values(states).some(({ raised }) => raised !== undefined);
    const acknowledged = anyRaised ? await watching.acknowledged() : new Map<string, number>();
    const samples = [...before, { ...draft, alerts: {} }];
    const alerts: Record<string, AlertState> = {};
    const notices: { metric: string; notice: Notice }[] = [];
    for (const rule of RULES) {
      const known = states[rule.metric];
      const at = known?.raised && acknowledged.get(known.raised.id);
      const state = known?.raised && at ? { ...known, raised: { ...known.raised, acknowledged_ms: at } } : known;
      const step = stepAlert(rule, state, rule.value(samples), draft.at_ms);
      if (step.state) alerts[rule.metric] = step.state;
      for (const notice of step.notices) notices.push({ metric: rule.metric, notice });
    }
    return { alerts, notices };
  }

  return {
    look: (nowMs) => rates.look(beats(), nowMs),
    async take(ownSecond) {
      const nowMs = msOf(ownSecond);
      const fresh = recent().filter(({ at_ms }) => nowMs - at_ms < RECENT * 1_000);
      const last = fresh.at(-1);
      const before = last && nowMs - last.at_ms < STALE_MS ? last : undefined;
      const { upto, seconds } = await watching.seconds(before?.upto ?? `${nowMs - 1_000}-0`);
      if (seconds.length === 0) return;
      const queues = new Map(await Promise.all(parts.queues().map(lookAt)));
      const draft = makeSample({
        nowMs: msOf(upto),
        beforeMs: before?.at_ms,
        upto,
        seconds,
        beats: beats(),
        rates: rates.of,
        queues,
        queuesBefore,
        redis: redis(),
        redisBefore,
      });
      const { alerts, notices } = await decide(draft, fresh);
      const sample = { ...draft, alerts };
      queuesBefore = queues;
      redisBefore = redis();
      if (!(await watching.recordSample(gateway, sample))) return;
      own = sample;
      for (const { metric, notice } of notices) tell(metric, notice, sample.at_ms);
    },
  };
}
