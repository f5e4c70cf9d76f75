/**
 * Delivers webhooks. Every gateway takes what is due from Redis, under a lease, so that what a gateway held that died is due
 * again at another. At least once: a receiver knows a message that comes twice by its webhook-id. What is not taken is tried
 * again after growing pauses, for about a day; 410 says that the receiver wants no more. A receiver that is slow holds a few of
 * the places, never all, and what is due at it does not stand before the others.
 */
import type { DueHook, HookRoom } from '@batchyard/queue/hooks';
import { hookMessageId, hostOf, type Delivery } from '@batchyard/shared/contract/webhook';

import type { GuardedPost } from './guarded-post.ts';
import { hookEvent } from './hook-event.ts';
import { signedHeaders } from './sign.ts';

type Parts = {
  readonly take: (room: HookRoom) => Promise<{ readonly hooks: readonly DueHook[]; readonly left: boolean }>;
  readonly settle: (due: DueHook, delivery: Delivery, againInMs: number | undefined) => Promise<boolean>;
  readonly secret: () => Promise<string>;
  readonly post: GuardedPost;
  readonly nowMs: () => number;
  /** From 0 to 1: what a pause is varied by. */
  readonly random: () => number;
  /** Told what became of each attempt. */
  readonly observe: (state: NonNullable<Delivery['state']>) => void;
  readonly report: (detail: Record<string, unknown>, sentence: string) => void;
};

const AT_ONCE = 32;
const AT_ONCE_PER_HOST = 8;
/** What is due at a host that takes longer than this waits so long, when all of its places are taken. */
const [SLOW_MS, PUT_OFF_MS] = [1_000, 5_000];
const [SECOND_MS, MINUTE_MS, HOUR_MS] = [1_000, 60_000, 3_600_000];
const PAUSES_MS: readonly number[] = [
  2 * SECOND_MS,
  10 * SECOND_MS,
  MINUTE_MS,
  5 * MINUTE_MS,
  15 * MINUTE_MS,
  HOUR_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  6 * HOUR_MS,
  10 * HOUR_MS,
];
const GONE = 410;

type Attempt = Delivery['attempts'][number];

/** @returns the delivery after an attempt, and when it is due again; undefined: it is over */
export function afterAttempt(
  delivery: Delivery,
  attempt: Attempt,
  random: number,
): { readonly delivery: Delivery; readonly againInMs: number | undefined } {
  const { outcome, text, atMs } = delivery;
  const attempts = [...delivery.attempts, attempt];
  const over = (state: NonNullable<Delivery['state']>) => ({
    delivery: { outcome, text, atMs, attempts, state },
    againInMs: undefined,
  });
  const { status = 0 } = attempt;
  if (status >= 200 && status < 300) return over('delivered');
  if (status === GONE) return over('stopped');
  const pauseMs = PAUSES_MS[attempts.length - 1];
  if (pauseMs === undefined) return over('failed');
  // Half of it is jitter: receivers that were away are not asked by all at once.
  const againInMs = Math.round(pauseMs * (0.5 + random / 2));
  const nextMs = attempt.atMs + attempt.tookMs + againInMs;
  return { delivery: { outcome, text, atMs, attempts, state: 'pending', nextMs }, againInMs };
}

/** How long calls to a host take, of those that are open or lately were. */
type Host = { open: number; tookMs: number };

function createHosts() {
  const hosts = new Map<string, Host>();
  return {
    begin(host: string): void {
      const known = hosts.get(host);
      if (known) known.open += 1;
      else hosts.set(host, { open: 1, tookMs: 0 });
    },
    end(host: string, tookMs: number): void {
      const known = hosts.get(host);
      if (!known) return;
      known.open -= 1;
      known.tookMs += (tookMs - known.tookMs) / 4;
      if (known.open === 0) hosts.delete(host);
    },
    room: () =>
      [...hosts].map(([host, { open, tookMs }]) => ({
        host,
        room: Math.max(0, AT_ONCE_PER_HOST - open),
        putOffMs: tookMs > SLOW_MS ? PUT_OFF_MS : 0,
      })),
  };
}

export function createHookDelivery(parts: Parts) {
  const { take, settle, secret, post, nowMs, random, observe, report } = parts;
  const hosts = createHosts();
  let open = 0;
  let taking = false;
  let left = false;

  async function attempt(due: DueHook): Promise<Attempt> {
    const atMs = nowMs();
    const body = JSON.stringify(hookEvent(due));
    const id = hookMessageId(due.id, due.number);
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'batchyard-webhooks',
      ...signedHeaders(await secret(), { id, atMs, body }),
    };
    try {
      const status = await post({ url: due.record.url, headers, body });
      return { atMs, status, tookMs: nowMs() - atMs };
    } catch (error) {
      return { atMs, error: error instanceof Error ? error.message : String(error), tookMs: nowMs() - atMs };
    }
  }
  async function deliver(due: DueHook): Promise<void> {
    const host = hostOf(due.record);
    const since = nowMs();
    open += 1;
    hosts.begin(host);
    try {
      const { delivery, againInMs } = afterAttempt(due.delivery, await attempt(due), random());
      await settle(due, delivery, againInMs);
      observe(delivery.state ?? 'pending');
      if (delivery.state === 'failed') report({ job: due.id, host }, 'a webhook could not be delivered');
    } finally {
      open -= 1;
      hosts.end(host, nowMs() - since);
    }
    if (left) await turn();
  }
  /** Takes what there is room for, and returns; called a few times a second. */
  async function turn(): Promise<void> {
    if (taking || open >= AT_ONCE) return;
    taking = true;
    try {
      const taken = await take({ most: AT_ONCE - open, perHost: AT_ONCE_PER_HOST, hosts: hosts.room() });
      ({ left } = taken);
      // What could not be settled is due again when its lease has lapsed.
      for (const due of taken.hooks) void deliver(due).catch(() => undefined);
    } finally {
      taking = false;
    }
  }
  return { turn };
}
