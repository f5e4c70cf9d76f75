/**
 * A generator's share of one step. Open loop and trace: what is due is sent, whatever became of the requests before, and
 * charged from when it was due, so that neither a stall of the server nor one of the generator is hidden. Closed loop: each
 * client asks again when it was answered.
 */
import type { Step } from '../plan/load-plan.ts';
import { createPicks, type Pick } from '../plan/picks.ts';
import { createRandom } from '../plan/random.ts';
import { buildRequest } from '../plan/request-bytes.ts';
import { createReplay, createSchedule, durationMs, type NextTime } from '../plan/schedule.ts';
import { createClient, type Client, type Outcome } from './client.ts';
import type { SentOutcome, Task } from './generator-message.ts';

export type Sending = { readonly client: Client; stop(): void; readonly ended: Promise<void> };

/** Past its deadline a request may take so much longer to be told so. */
const GRACE_MS = 1_000;
const TICK_MS = 1;
const EXPIRE_EVERY_MS = 100;
/** Up to so many requests a second the last of the way to each is polled rather than left to a timer of whole ms. */
const EXACT_PER_S = 100;
/** Timers fire up to so much late. */
const TIMER_SLACK_MS = 1.5;
const AFTER_FAILURE_MS = 20;
const TEXT_CHARS = 160;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function sleepUntil(at: number, exact: boolean): Promise<void> {
  const left = at - performance.now();
  if (!exact) return sleep(Math.max(TICK_MS, Math.min(left, EXPIRE_EVERY_MS)));
  if (left > TIMER_SLACK_MS + 1) return sleep(Math.min(left - TIMER_SLACK_MS, EXPIRE_EVERY_MS));
  while (performance.now() < at) await soon();
}

const secondsOf = (step: Step): number => {
  if (step.mode === 'open') return durationMs(step.stretches) / 1000;
  return step.mode === 'closed' ? step.seconds : (step.timesMs.at(-1) ?? 0) / step.speed / 1000;
};

function timesOf(step: Exclude<Step, { mode: 'closed' }>, random: () => number): NextTime {
  return step.mode === 'open'
    ? createSchedule(step.stretches, step.arrivals, random)
    : createReplay(step.timesMs, step.speed);
}

type Sent = Pick & { readonly lateMs: number };

/** Turns picks into requests on connections, and what became of them into outcomes. */
function createSender({ plan, shard, shards, step }: Task, startAt: number, report: (outcome: SentOutcome) => void) {
  const { target, timeoutMs, kinds, repeats, stampFrom, seed } = plan;
  const requests = kinds.map((kind) => buildRequest(kind, { target, timeoutMs }));
  // The same for all shards: each knows what the others send.
  const pick = createPicks({ weights: kinds.map(({ weight }) => weight), repeats, stampFrom }, createRandom(seed + 1));
  const open = new Map<number, Sent>();
  const most = step.mode === 'closed' ? step.clients : plan.maxConnections;
  const share = Math.floor(most / shards) + (shard < most % shards ? 1 : 0);
  let tags = 0;
  let heard: (outcome: Outcome) => void = () => undefined;
  const client = createClient(
    {
      address: target,
      maxConnections: Math.max(1, share),
      bytesOf(_connection, tag) {
        const sent = open.get(tag);
        return requests[sent?.kind ?? 0]?.stamped(sent?.number ?? 0) ?? Buffer.alloc(0);
      },
    },
    (outcome) => {
      const sent = open.get(outcome.tag);
      open.delete(outcome.tag);
      report({
        dueMs: outcome.dueAt - startAt,
        lateMs: sent?.lateMs ?? 0,
        ms: outcome.ms,
        sentMs: outcome.sentMs ?? Number.NaN,
        kind: sent?.kind ?? 0,
        status: outcome.status,
        text: outcome.status === 200 ? '' : outcome.text.slice(0, TEXT_CHARS),
      });
      heard(outcome);
    },
  );
  return {
    client,
    clients: share,
    /** For its share of the nth requests; others only move the picks on. */
    send(nth: number, dueAt: number, { mine, kind }: { mine: boolean; kind?: number | undefined }): void {
      const picked = pick(nth, kind);
      if (!mine) return;
      tags += 1;
      open.set(tags, { ...picked, lateMs: Math.max(0, performance.now() - dueAt) });
      client.request(dueAt, tags);
    },
    onOutcome: (listener: (outcome: Outcome) => void) => (heard = listener),
  };
}

/** @param startAt on performance.now's clock */
export function sendStep(task: Task, startAt: number, report: (outcome: SentOutcome) => void): Sending {
  const { plan, step, shard, shards } = task;
  const sender = createSender(task, startAt, report);
  const { client } = sender;
  const endAt = startAt + 1000 * secondsOf(step);
  const tooOld = (): number => performance.now() - plan.timeoutMs - GRACE_MS;
  const reason = `no answer within ${plan.timeoutMs + GRACE_MS} ms`;
  let stopped = false;

  async function openLoop(timed: Exclude<Step, { mode: 'closed' }>): Promise<void> {
    const next = timesOf(timed, createRandom(plan.seed));
    let nth = 0;
    let expireAt = startAt;
    for (let due = next(); due !== undefined && !stopped;) {
      const now = performance.now();
      for (; due !== undefined && startAt + due <= now; due = next()) {
        const kind = timed.mode === 'trace' ? timed.kinds?.[nth] : undefined;
        sender.send(nth, startAt + due, { mine: nth % shards === shard, kind });
        nth += 1;
      }
      if (now >= expireAt) {
        client.expire(tooOld(), reason);
        expireAt = now + EXPIRE_EVERY_MS;
      }
      if (due !== undefined) await sleepUntil(startAt + due, nth <= (EXACT_PER_S * (now - startAt)) / 1000 + 1);
    }
  }
  async function closedLoop(): Promise<void> {
    let nth = shard;
    const ask = (): void => {
      if (stopped || performance.now() >= endAt) return;
      sender.send(nth, performance.now(), { mine: true });
      nth += shards;
    };
    sender.onOutcome(({ status }) => void (status === 0 ? setTimeout(ask, AFTER_FAILURE_MS) : ask()));
    while (performance.now() < startAt) await sleep(TICK_MS);
    for (let i = 0; i < sender.clients; i += 1) ask();
    while (!stopped && performance.now() < endAt) {
      await sleep(Math.max(TICK_MS, Math.min(EXPIRE_EVERY_MS, endAt - performance.now())));
      client.expire(tooOld(), reason);
    }
  }
  async function run(): Promise<void> {
    await (step.mode === 'closed' ? closedLoop() : openLoop(step));
    while (client.open() > 0 && !stopped) {
      client.expire(tooOld(), reason);
      await sleep(5);
    }
    client.close();
  }
  return { client, stop: () => void (stopped = true), ended: run() };
}
