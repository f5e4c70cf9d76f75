/** Part of the wiring: the rules, what they look at, how a change is made, and what people see of it. */
import type { QueueOperations } from '@batchyard/queue/queue';
import type { StreamEntry } from '@batchyard/queue/watching';
import { createCollector } from '@batchyard/shared/runtime/collect-garbage';
import type { Sample } from '@batchyard/shared/contract/sample';
import type { TuningAction, TuningRule, TuningRun, TuningState } from '@batchyard/shared/contract/tuning';

import type { Config } from './config.ts';
import type { OpenCache } from './cache/open-cache.ts';
import type { FleetView } from './fleet/fleet-view.ts';
import type { TuningDesk } from './http/tuning-routes.ts';
import { askRedis } from './queue/ask-redis.ts';
import type { TuningFacts } from './tuning/rules.ts';
import { planOf } from './tuning/plan.ts';
import {
  effectivenessOf,
  inverse,
  NO_TUNING,
  overrule,
  proposalOf,
  stands,
  stepTuning,
  type TuningPlan,
  type TuningView,
} from './tuning/tune.ts';
import { parseSample } from './watch/take-sample.ts';

type Parts = {
  readonly queue: QueueOperations;
  readonly fleet: FleetView;
  readonly cache: OpenCache;
  readonly monitor: { samples(): readonly StreamEntry[] };
  readonly holds: () => boolean;
  readonly config: Pick<Config, 'BATCHYARD_TUNING' | 'BATCHYARD_TUNING_RULES'>;
  readonly log: { info(detail: Record<string, unknown>, sentence: string): void };
};

export type OpenTuning = {
  readonly desk: TuningDesk;
  /** Once a second. */
  turn(): Promise<void>;
};

/** The last two windows and the time between them are looked at. */
const RECENT = 120;

function sentenceOf({ rule, reason, outcome, metric, before, after }: TuningRun): string {
  if (outcome === 'measuring') return `${rule}: ${reason}`;
  if (outcome === 'overruled') return `${rule}: left as it is, the setting was changed by somebody else meanwhile`;
  const said = `${metric} ${before.mean.toPrecision(3)} before, ${after?.mean.toPrecision(3) ?? '?'} after`;
  return `${rule}: ${outcome === 'kept' ? 'kept' : 'taken back'}, ${outcome === 'unmeasured' ? 'too little was measured' : said}`;
}

/** What the rules look at. */
function createView({ queue, fleet, cache, monitor }: Parts, windowMs: number) {
  const windowS = Math.ceil(windowMs / 1_000);
  /** What had gone from the cache by each of the last seconds; every gateway sees the same mix of requests. */
  const went: { evicted: number; expired: number }[] = [];

  /** Each is parsed once. */
  const parsed = new WeakMap<StreamEntry, Sample | undefined>();

  async function facts(): Promise<TuningFacts> {
    const queues = fleet.models().map(async ({ model, queue: name }) => ({
      queue: name,
      configured: model.batching ?? {
        strategy: 'adaptive' as const,
        max_rows: Math.max(1, model.maxBatchSize),
        max_wait_ms: 0,
        preferred_rows: [],
      },
      change: await queue.batchingChange(name),
    }));
    const own = cache.limits();
    const { cache: wished } = await queue.tuningWishes();
    return {
      queues: await Promise.all(queues),
      cache: own && {
        limits: wished ?? own.configured,
        configured: own.configured,
        evicted: (went.at(-1)?.evicted ?? 0) - (went[0]?.evicted ?? 0),
        expired: (went.at(-1)?.expired ?? 0) - (went[0]?.expired ?? 0),
      },
      supervisors: await queue.supervisors(),
    };
  }
  async function view(): Promise<TuningView> {
    const recent = monitor.samples().slice(-RECENT);
    for (const entry of recent) if (!parsed.has(entry)) parsed.set(entry, parseSample(entry));
    return { samples: recent.flatMap((entry) => parsed.get(entry) ?? []), facts: await facts() };
  }
  return {
    view,
    facts,
    /** Once a second. */
    look(): void {
      went.push(cache.went());
      if (went.length > windowS) went.shift();
    },
  };
}

async function applyTo(queue: QueueOperations, action: TuningAction, reason: string): Promise<void> {
  switch (action.kind) {
    case 'clean_up':
      return queue.askCleanUp(Date.now());
    case 'cache':
      return queue.tuneCache(action.to);
    case 'batching':
      return queue.changeBatching(action.queue, action.to);
    case 'worker':
      return queue.wishWorkers(action.supervisor, { count: action.to, by: 'autoscaler', reason });
  }
}

function createDesk(queue: QueueOperations, plan: TuningPlan, view: () => Promise<TuningView>): TuningDesk {
  const tuningState = askRedis(queue.tuningState);
  return {
    async list() {
      const { runs, rules } = (await tuningState()) ?? NO_TUNING;
      return {
        auto: plan.auto,
        rules: plan.rules.map(({ name, metric, threshold, cooldownMs }) => ({
          rule: name,
          metric,
          threshold,
          cooldown_s: cooldownMs / 1_000,
          again_ms: rules[name]?.again_ms ?? null,
          ...effectivenessOf(runs)[name],
        })),
        runs: runs.toReversed(),
      };
    },
    run: askRedis(queue.askTuning),
    tuneCache: askRedis(queue.tuneCache),
    async wouldDo(name: TuningRule) {
      const rule = plan.rules.find((one) => one.name === name);
      return (rule && proposalOf(rule, await askRedis(view)(), plan, true)) ?? null;
    },
  };
}

export function openTuning(parts: Parts): OpenTuning {
  const { queue, cache, holds, config, log } = parts;
  const plan = planOf(config.BATCHYARD_TUNING === 'on', config.BATCHYARD_TUNING_RULES);
  const { view, facts, look } = createView(parts, plan.windowMs);
  const collect = createCollector();
  let state: TuningState | undefined;
  let cleanedUp: string | undefined;
  let lastMs = 0;
  /** What any gateway does about what is wished. */
  async function obey(): Promise<void> {
    const { cache: limits, cleanUp } = await queue.tuningWishes();
    cache.retune(limits);
    if (cleanedUp !== undefined && cleanedUp !== cleanUp) {
      cache.purgeMemory();
      collect();
    }
    cleanedUp = cleanUp;
  }

  /** @returns false where what it starts from is no longer what is set: that stays as it is */
  async function apply(action: TuningAction, reason: string): Promise<boolean> {
    const back = inverse(action);
    if (back && !stands(back, await facts())) return false;
    await applyTo(queue, action, reason);
    return true;
  }

  return {
    async turn() {
      look();
      await obey();
      if (!holds()) {
        state = undefined;
        return;
      }
      state ??= (await queue.tuningState()) ?? NO_TUNING;
      const open = state.runs.some(({ outcome }) => outcome === 'measuring');
      // What is asked for meanwhile waits.
      const asked = open ? [] : await queue.takeTuningAsked();
      if (!plan.auto && asked.length === 0 && !open) return;
      const now = await view();
      const newest = now.samples.at(-1)?.at_ms ?? 0;
      if (newest === lastMs && asked.length === 0) return;
      lastMs = newest;
      const step = stepTuning(state, now, asked, plan);
      // Written first: a holder that dies in between has told of the change, and its successor measures it.
      if (step.state !== state) await queue.keepTuningState(step.state);
      state = step.state;
      let { run } = step;
      if (run && step.apply && !(await apply(step.apply, run.reason))) {
        ({ state, run } = overrule(state, run));
        await queue.keepTuningState(state);
      }
      if (!run) return;
      const { id, rule, outcome } = run;
      log.info({ id, rule, outcome }, sentenceOf(run));
      queue.events.tell('tune', { sentence: sentenceOf(run), id, rule, outcome });
    },
    desk: createDesk(queue, plan, view),
  };
}
