/**
 * The place of a model's version in this worker while its file may change. Each session that serves it is an occupant.
 *
 * - New jobs run on the newest occupant. Nothing that was accepted is lost by a change: a job that was validated against an
 *   earlier file runs on the newest one where its inputs and outputs are the same, and on the one that it was validated
 *   against where they are not: that one stays for as long as such jobs may come.
 * - A job of a file that only another worker has is left to that worker.
 * - A session is closed when nothing runs on it and nothing will.
 */
import type { Model } from '@batchyard/shared/contract/model';

import type { Batcher } from '@batchyard/shared/batching/batcher';
import type { LatencyBook } from '@batchyard/shared/batching/latency-model';
import type { ServedModel } from './run-rows.ts';

export type Occupant = {
  readonly served: ServedModel;
  readonly batcher: Batcher;
  /** Resolves when its session is closed; what comes for it from now on runs where `instead` says. */
  retire(instead: () => ServedModel): Promise<void>;
};

export type Seat = {
  readonly queue: string;
  /** What the serving of jobs sees of it: always as it is now. */
  readonly served: ServedModel;
  readonly batcher: Batcher;
  occupant(): Occupant;
  /** Signatures besides the occupant's own of the jobs that can run here. */
  also(): string[];
  /** The newer one serves from now on. @returns whether the older one has to stay for the jobs it was asked for */
  replace(next: Occupant): boolean;
  /** Those that stayed are not needed any more. */
  dismissFormer(): Promise<void>;
  /** Told what other workers can run, after a look for this signature. */
  knowElsewhere(signatures: ReadonlySet<string>, lookedFor: string): void;
  /** Nothing more is taken from its queue. */
  close(): void;
};

/** A job came whose signature is not known: looks who can run it, and tells by `knowElsewhere`. */
type LookElsewhere = (signature: string) => void;

/** Files that were replaced by others with different inputs or outputs, each with its session. */
const MOST_FORMER = 4;
const MOST_NOWHERE = 256;
/** Signatures that a model lists of its predecessors. */
const MOST_ACCEPTED = 16;

/** What a client's tensors depend on is the same. */
export function sameTensors(a: Model, b: Model): boolean {
  const shape = ({ maxBatchSize, inputs, outputs, lengths }: Model): string =>
    JSON.stringify([
      maxBatchSize,
      inputs.map(({ name, datatype, shape: dims, pad }) => [name, datatype, dims, pad ?? '']),
      outputs.map(({ name, datatype, shape: dims }) => [name, datatype, dims]),
      lengths ?? [],
    ]);
  return shape(a) === shape(b);
}

/** Signatures of earlier files whose jobs a newer model can run. */
export function acceptedOf(model: Model, predecessors: readonly Model[]): string[] {
  const same = predecessors.filter((one) => sameTensors(model, one));
  const all = new Set(same.flatMap(({ signature, accepts = [] }) => [signature, ...accepts]));
  all.delete(model.signature);
  return [...all].slice(0, MOST_ACCEPTED);
}

const runs = ({ served: { model } }: Occupant, signature: string): boolean =>
  signature === model.signature || (model.accepts ?? []).includes(signature);

function liveBook(current: () => LatencyBook): LatencyBook {
  return {
    of: (group) => current().of(group),
    observe: (rows, ms) => current().observe(rows, ms),
    p50: (rows) => current().p50(rows),
    p99: (rows) => current().p99(rows),
    points: () => current().points(),
    bestRate: () => current().bestRate(),
  };
}

function liveBatcher(current: () => Batcher): Batcher {
  return {
    set: (batching) => current().set(batching),
    nextTake: (batch, nowMs, leadMs) => current().nextTake(batch, nowMs, leadMs),
    took: (rows, waiting, nowMs) => current().took(rows, waiting, nowMs),
    nextRun: (jobs, moment) => current().nextRun(jobs, moment),
    begin: (run, nowMs) => current().begin(run, nowMs),
    state: () => current().state(),
  };
}

export function createSeat(first: Occupant, lookElsewhere: LookElsewhere): Seat {
  let occupant = first;
  let former: Occupant[] = [];
  /** Signatures that nobody has: their jobs are refused, rather than passed around. */
  const nowhere = new Set<string>();
  let closed = false;
  const { queue } = first.served;
  const current = (): ServedModel => occupant.served;
  /** Asked for every job: of nearly all of them the first answer is the one. */
  function find(signature: string): ServedModel | undefined {
    if (signature === '' || runs(occupant, signature)) return occupant.served;
    return former.find((one) => runs(one, signature))?.served;
  }

  const served: ServedModel = {
    queue,
    get model() {
      return current().model;
    },
    latency: liveBook(() => current().latency),
    run: (inputs, p99Ms) => current().run(inputs, p99Ms),
    runsOn: find,
    leaves(signature) {
      if (find(signature) || nowhere.has(signature)) return false;
      lookElsewhere(signature);
      return true;
    },
    closed: () => closed,
  };
  return {
    queue,
    served,
    batcher: liveBatcher(() => occupant.batcher),
    occupant: () => occupant,
    also: () => [
      ...(current().model.accepts ?? []),
      ...former.flatMap(({ served: { model } }) => [model.signature, ...(model.accepts ?? [])]),
    ],
    replace(next) {
      const before = occupant;
      const stays = !sameTensors(before.served.model, next.served.model);
      occupant = next;
      nowhere.clear();
      if (!stays) {
        void before.retire(current);
        return false;
      }
      former = [before, ...former];
      for (const one of former.splice(MOST_FORMER)) void one.retire(current);
      return true;
    },
    async dismissFormer() {
      const gone = former;
      former = [];
      await Promise.all(gone.map((one) => one.retire(current)));
    },
    knowElsewhere(signatures, lookedFor) {
      if (signatures.has(lookedFor)) nowhere.delete(lookedFor);
      else nowhere.add(lookedFor);
      const [oldest] = nowhere;
      if (nowhere.size > MOST_NOWHERE && oldest !== undefined) nowhere.delete(oldest);
    },
    close() {
      closed = true;
    },
  };
}
