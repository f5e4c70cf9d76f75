/** Webhooks in Redis: which are due, what became of them, and the secret that they are signed with. */
import {
  deliverySchema,
  hookRecordSchema,
  WEBHOOKS,
  type Delivery,
  type HookRecord,
} from '@batchyard/shared/contract/webhook';
import { hookKey, hookSecretKey, hooksKey, replyStreamKey } from '@batchyard/shared/contract/redis-keys';

import { pack, runScript } from './scripts.ts';
import type { QueueSettings } from './settings.ts';

export type DueHook = {
  readonly id: string;
  /** The how-manieth end of the job it tells. */
  readonly number: number;
  /** Who settles it shows it. */
  readonly lease: string;
  readonly record: HookRecord;
  readonly delivery: Delivery;
};

export type HookLog = {
  readonly record: HookRecord;
  readonly deliveries: readonly { readonly number: number; readonly delivery: Delivery }[];
};

/** How many more may be called. */
export type HookRoom = {
  readonly most: number;
  readonly perHost: number;
  /** Those that are being called: the calls there is room for, and how long to put off what there is none for. */
  readonly hosts: readonly { readonly host: string; readonly room: number; readonly putOffMs: number }[];
};

export type Hooks = {
  /** Those that are due, for `HOOK_LEASE_MS` given to nobody else. `left`: there were more. */
  takeHooks(room: HookRoom): Promise<{ readonly hooks: readonly DueHook[]; readonly left: boolean }>;
  /** @param againInMs undefined: it is over. @returns false when the lease was lost meanwhile */
  settleHook(due: DueHook, delivery: Delivery, againInMs: number | undefined): Promise<boolean>;
  /** Deliveries that are not over. */
  pendingHooks(): Promise<number>;
  /** What is kept of the webhook of a job. */
  hookLog(id: string): Promise<HookLog | undefined>;
  /** The one that is kept, which is `own` where there was none. */
  hookSecret(own: string): Promise<string>;
};

/** Longer than an attempt may take. */
const HOOK_LEASE_MS = 30_000;
const HOUR_MS = 3_600_000;
/** How long it is kept while it is told, longer than that may take, and after. */
const PENDING_KEPT_MS = 48 * HOUR_MS;
const OVER_KEPT_MS = HOUR_MS;

/** What cannot be read was written by another version, and is left out. */
function read<T>(schema: { safeParse(value: unknown): { data?: T } }, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

export function createHooks({ commands, prefix }: QueueSettings): Hooks {
  const shard = `${prefix}:x:`;
  return {
    async takeHooks({ most, perHost, hosts }) {
      const busy = hosts.map(({ host, room, putOffMs }) => [host, room, putOffMs]);
      const header = pack([shard, HOOK_LEASE_MS, PENDING_KEPT_MS, most, perHost, busy]);
      const answer = await runScript(commands, 'takeHooks', replyStreamKey(prefix, WEBHOOKS), [header]);
      const [left, ...rows] = answer as [number, ...Buffer[][]];
      const hooks = rows.flatMap((row) => {
        const [id = '', number = '', lease = '', recordText = '', deliveryText = ''] = row.map(String);
        const [record, delivery] = [read(hookRecordSchema, recordText), read(deliverySchema, deliveryText)];
        return record && delivery ? [{ id, number: Number(number), lease, record, delivery }] : [];
      });
      return { hooks, left: left === 1 };
    },
    async settleHook({ id, number, lease }, delivery, againInMs) {
      const next = againInMs === undefined ? -1 : Math.max(0, Math.round(againInMs));
      const keepMs = againInMs === undefined ? OVER_KEPT_MS : PENDING_KEPT_MS;
      const header = pack([shard, id, String(number), lease, JSON.stringify(delivery), next, keepMs]);
      return (await runScript(commands, 'settleHook', hooksKey(prefix), [header])) === 1;
    },
    pendingHooks: () => commands.zcard(hooksKey(prefix)),
    async hookLog(id) {
      const fields = await commands.hgetall(hookKey(prefix, id));
      const record = read(hookRecordSchema, fields['r'] ?? '');
      if (!record) return undefined;
      const deliveries = Object.entries(fields).flatMap(([name, text]) => {
        const delivery = name.startsWith('d:') ? read(deliverySchema, text) : undefined;
        return delivery ? [{ number: Number(name.slice(2)), delivery }] : [];
      });
      return { record, deliveries: deliveries.toSorted((a, b) => a.number - b.number) };
    },
    async hookSecret(own) {
      const key = hookSecretKey(prefix);
      await commands.set(key, own, 'NX');
      return (await commands.get(key)) ?? own;
    },
  };
}
