/** From heartbeats to directives: what each worker is worth, and by the strategy how it takes from each of its queues. Pure. */
import type { BalancerSettings } from '@batchyard/shared/contract/balancer';
import type { Directive, DrainWish } from '@batchyard/shared/contract/directive';
import type { Heartbeat } from '@batchyard/shared/contract/heartbeat';

import { createBooks, queuesOf, type Books } from './books.ts';
import { postOf } from './crowding.ts';
import type { Health } from './health.ts';
import { scoreOf } from './score.ts';
import { STRATEGIES, type Candidate, type Take } from './strategies.ts';
import { successOf, type Done } from './track.ts';

/** How a worker stands, for people: figures of the last ten seconds. */
export type BalanceLine = {
  readonly worker: string;
  readonly health: Health;
  readonly health_reason: string;
  /** Jobs that ended. */
  readonly requests: number;
  /** Of the rows that all workers ran. */
  readonly share: number;
  readonly success: number | null;
  readonly response_ms: number;
  /** Of its worst queue, the lower the better; `times_slow` as well. */
  readonly score: number;
  readonly times_slow: number;
  readonly weight: number;
  readonly directive: Directive['kind'];
  readonly takes: Readonly<Record<string, unknown>>;
  readonly reason: string;
};

type Decision = { readonly directives: ReadonlyMap<string, Directive>; readonly lines: readonly BalanceLine[] };

export type Balance = {
  readonly look: Books['look'];
  decide(settings: BalancerSettings, drains: ReadonlyMap<string, DrainWish>): Decision;
};

const PROBE = { every_ms: 1_000, max_jobs: 1 };
/** By its table of hundreds of runs; the last ones alone have to say more (slowness.ts). */
const SLOW_TABLE = 1.5;

type Scored = Candidate & { readonly score: number; readonly slow: { readonly is: boolean; readonly times: number } };
type QueueTakes = {
  readonly queue: string;
  readonly scored: readonly Scored[];
  readonly takes: ReadonlyMap<string, Take>;
};

function scored(books: Books, queue: string, beat: Heartbeat, settings: BalancerSettings): Scored[] {
  const model = beat.models.find((one) => one.queue === queue);
  const points = model?.latency.filter((point) => point.p50_ms > 0) ?? [];
  const best = points.toSorted((a, b) => b.rows / b.p50_ms - a.rows / a.p50_ms)[0];
  if (!model || !best) return [];
  const { times, isSlow } = books.slowness(queue, beat.id);
  const standing = {
    load: beat.load,
    times,
    success: successOf(books.done(beat.id)),
    proven: (model.succeeded ?? 0) > 0,
    batchMs: best.p50_ms,
  };
  const score = scoreOf(standing, settings.weights, books.weight(beat.id));
  const candidate = {
    worker: beat.id,
    rowsPerMs: best.rows / best.p50_ms,
    batchMs: best.p50_ms,
    post: postOf(beat, queue),
    slow: { is: isSlow || books.verdict(beat.id).health === 'suspect', times },
    rank: books.rank(queue, beat.id, score),
    score,
    responseMs: model.response_ms ?? best.p50_ms,
    maxRows: Math.max(...points.map(({ rows }) => rows)),
  };
  return [candidate];
}

/** Who has been slow for long is slow also where its last runs are only somewhat so. */
function withTableSlow(all: readonly Scored[]): Scored[] {
  const fastest = Math.max(...all.map(({ rowsPerMs }) => rowsPerMs));
  return all.map((one) => {
    const is = one.slow.is || (one.rowsPerMs * SLOW_TABLE < fastest && one.slow.times >= SLOW_TABLE);
    return { ...one, slow: { ...one.slow, is } };
  });
}

/** Cores that a queue would keep busy if each of its requests ran alone, on the worker that is fastest with one. */
function busyCoresOf(books: Books, queue: string, beats: readonly Heartbeat[]): number {
  const perRow = beats.flatMap(({ models }) =>
    models.flatMap(({ queue: own, latency, intra_op_threads: threads }) => {
      const [least] = own === queue ? latency : [];
      return least && least.p50_ms > 0 ? [(threads * least.p50_ms) / least.rows] : [];
    }),
  );
  return perRow.length > 0 ? books.rowsPerMs(queue) * Math.min(...perRow) : 0;
}

type Asked = { readonly beats: readonly Heartbeat[]; readonly settings: BalancerSettings; readonly busyCores: number };

function takesOf(books: Books, queue: string, { beats, settings, busyCores }: Asked): QueueTakes {
  const all = withTableSlow(beats.flatMap((beat) => scored(books, queue, beat, settings)));
  const best = books.bestRate(queue, Math.max(0, ...all.map(({ rowsPerMs }) => rowsPerMs)));
  const moment = { queue, candidates: all, rowsPerMs: books.rowsPerMs(queue), best, busyCores };
  return { queue, scored: all, takes: STRATEGIES[settings.strategy](moment) };
}

function serveDirective(id: string, queues: readonly QueueTakes[]): Directive {
  const own = queues.flatMap(({ queue, takes }) => {
    const take = takes.get(id);
    return take ? [[queue, take] as const] : [];
  });
  const reason = own.length > 0 ? own.map(([, take]) => take.reason).join('; ') : 'takes at once';
  return { kind: 'serve', takes: Object.fromEntries(own.map(([queue, { rule }]) => [queue, rule])), reason };
}

type Told = { readonly directive: Directive; readonly queues: readonly QueueTakes[] };

const rowsIn = (done: Done): number => [...done.rows.values()].reduce((sum, rows) => sum + rows, 0);

/** @param all rows of all workers */
function lineOf(books: Books, beat: Heartbeat, all: number, { directive, queues }: Told): BalanceLine {
  const { id, response_ms } = beat;
  const done = books.done(id);
  const { health, reason } = books.verdict(id);
  const own = queues.flatMap((one) => one.scored.filter(({ worker }) => worker === id));
  return {
    worker: id,
    health,
    health_reason: reason,
    requests: done.succeeded + done.failed,
    share: all === 0 ? 0 : rowsIn(done) / all,
    success: successOf(done) ?? null,
    response_ms,
    score: Math.max(0, ...own.map(({ score }) => score)),
    times_slow: Math.max(1, ...own.map(({ slow }) => slow.times)),
    weight: books.weight(id),
    directive: directive.kind,
    takes: directive.kind === 'serve' ? directive.takes : {},
    reason: directive.reason,
  };
}

export function createBalance(): Balance {
  const books = createBooks();
  const fails = ({ id }: Heartbeat): boolean => books.verdict(id).failing;
  return {
    look: books.look,
    decide(settings, drains) {
      const taking = books.serving().filter(({ id }) => !drains.has(id));
      const whole = taking.filter((beat) => !fails(beat));
      // Where all fail, all serve: better than nobody.
      const some = whole.length > 0;
      const beats = some ? whole : taking;
      const names = queuesOf(taking);
      const busyCores = names.reduce((sum, queue) => sum + busyCoresOf(books, queue, beats), 0);
      const queues = names.map((queue) => takesOf(books, queue, { beats, settings, busyCores }));
      const directives = new Map(
        books.workers().map((beat): [string, Directive] => {
          const wish = drains.get(beat.id);
          if (wish) return [beat.id, { kind: 'drain', ...wish }];
          if (!some || !fails(beat)) return [beat.id, serveDirective(beat.id, queues)];
          const reason = `gets probes only: ${books.verdict(beat.id).reason}`;
          return [beat.id, { kind: 'probe', ...PROBE, reason }];
        }),
      );
      const all = books.workers().reduce((sum, { id }) => sum + rowsIn(books.done(id)), 0);
      const lines = books.workers().flatMap((beat) => {
        const directive = directives.get(beat.id);
        return directive ? [lineOf(books, beat, all, { directive, queues })] : [];
      });
      return { directives, lines };
    },
  };
}
