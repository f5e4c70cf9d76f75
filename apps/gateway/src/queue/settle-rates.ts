/**
 * Settles what this gateway has let through with the buckets in Redis: never in the way of a request, one call at a time,
 * at most ten a second and only for keys that were used. While Redis is away each gateway goes on by its own reckoning.
 */
import type { RowsUsed } from '@batchyard/queue/access';
import { burstOf, type Rate } from '@batchyard/shared/contract/api-key';

import { createRowBucket, type Meter, type RowBucket } from '../admission/row-bucket.ts';

type Parts = {
  readonly settle: (used: readonly RowsUsed[]) => Promise<number[]>;
  readonly now: () => number;
  readonly later: (run: () => void, ms: number) => void;
};

type Held = { readonly rate: Rate; readonly bucket: RowBucket; readonly meter: Meter };

const GAP_MS = 100;
const KEYS_A_CALL = 256;

export type Rates = {
  /** The meter of a key: the same one for as long as its rate is the same. */
  meterOf(id: string, rate: Rate): Meter;
  /** Forgets the meters of all other keys. */
  keep(ids: ReadonlySet<string>): void;
};

export function createRates({ settle, now, later }: Parts): Rates {
  const held = new Map<string, Held>();
  const used = new Set<string>();
  let planned = false;
  let lastMs = Number.NEGATIVE_INFINITY;

  async function turn(): Promise<void> {
    const ids = [...used].slice(0, KEYS_A_CALL);
    for (const id of ids) used.delete(id);
    const asked = ids.flatMap((id) => {
      const one = held.get(id);
      return one ? [{ ...one, id, rows: one.bucket.spent() }] : [];
    });
    if (asked.length === 0) return;
    try {
      const levels = await settle(asked.map(({ id, rate, rows }) => ({ id, rate, rows })));
      asked.forEach(({ bucket }, i) => bucket.settle(levels[i] ?? 0, now()));
    } catch {
      for (const { id, bucket, rows } of asked) {
        bucket.untold(rows);
        used.add(id);
      }
    }
  }
  function plan(): void {
    if (planned || used.size === 0) return;
    planned = true;
    later(
      () => {
        lastMs = now();
        void turn().finally(() => {
          planned = false;
          plan();
        });
      },
      Math.max(0, lastMs + GAP_MS - now()),
    );
  }

  function open(id: string, rate: Rate): Held {
    const burst = burstOf(rate);
    const perSecond = rate.rows_per_second;
    const bucket = createRowBucket(perSecond, burst);
    const meter: Meter = {
      take(rows) {
        const refused = bucket.take(rows, now());
        if (rows > 0 && refused === undefined) {
          used.add(id);
          plan();
        }
        return refused;
      },
      state() {
        const level = bucket.level(now());
        return {
          burst,
          windowS: Math.max(1, Math.ceil(burst / perSecond)),
          left: Math.max(0, Math.floor(level + 1e-6)),
          fullInS: Math.max(0, Math.ceil((burst - level) / perSecond)),
        };
      },
    };
    // What others have used of it is asked for before it is needed.
    used.add(id);
    plan();
    return { rate, bucket, meter };
  }

  return {
    meterOf(id, rate) {
      const known = held.get(id);
      if (known && known.rate.rows_per_second === rate.rows_per_second && burstOf(known.rate) === burstOf(rate))
        return known.meter;
      const opened = open(id, rate);
      held.set(id, opened);
      return opened.meter;
    },
    keep(ids) {
      for (const id of held.keys()) if (!ids.has(id)) held.delete(id);
    },
  };
}
