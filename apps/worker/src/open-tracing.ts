/**
 * Part of the wiring: spans of what a batch was. In the trace of each of its jobs lie the time that it waited (`queue`) and
 * the run (`run`), both below the request; the batch belongs to no single one of them, so it begins a trace of its own that
 * is linked with all of theirs.
 */
import { isSampled, wantsTraces } from '@batchyard/shared/contract/tracing';
import { openTraces, type Traces } from '@batchyard/shared/runtime/tracing';

import type { Config } from './config.ts';
import type { RunParts } from './run-rows.ts';

type Run = Parameters<RunParts['observe']>[0];
type ThrownRun = Parameters<RunParts['gaveUp']>[0];

export type RunTracing = {
  /** Undefined where there are no traces. */
  readonly told: { ran(run: Run): void; gaveUp(run: ThrownRun): void } | undefined;
  close(): Promise<void>;
};

export async function openTracing(config: Config, version: string, worker: string): Promise<RunTracing> {
  if (!wantsTraces(config)) return { told: undefined, close: () => Promise.resolve() };
  const name = config.OTEL_SERVICE_NAME || 'batchyard-worker';
  const traces = await openTraces({ name, version, instance: worker });
  return {
    told: {
      ran: (run) => traceRun(traces, worker, run),
      gaveUp: (run) => traceThrown(traces, worker, run),
    },
    close: traces.close,
  };
}

const tracedJobs = ({ jobs, waitsMs }: Pick<Run, 'jobs' | 'waitsMs'>) =>
  jobs.flatMap(({ job, rows }, i) =>
    job.trace !== undefined && isSampled(job.trace)
      ? [{ id: job.id, place: job.trace, rows, waitMs: waitsMs[i] ?? 0 }]
      : [],
  );

/** Told when it has thrown: its jobs fail, mostly a single one. */
function traceThrown(traces: Traces, worker: string, run: ThrownRun): void {
  const endMs = Date.now();
  const startMs = endMs - run.runMs;
  const about = { 'batchyard.queue': run.queue, 'batchyard.worker': worker, 'batchyard.batch.reason': run.reason };
  for (const { id, place, rows, waitMs } of tracedJobs(run)) {
    const attributes = { ...about, 'batchyard.job': id, 'batchyard.rows': rows };
    traces.record({ name: 'queue', parent: place, startMs: startMs - waitMs, endMs: startMs, attributes });
    traces.record({ name: 'run', parent: place, startMs, endMs, attributes, failure: run.code });
  }
}

/** Told at the end of a run, of which it is known how long each part took. */
function traceRun(traces: Traces, worker: string, run: Run): void {
  const traced = tracedJobs(run);
  if (traced.length === 0) return;
  const endMs = Date.now();
  const ranMs = endMs - run.outputMs;
  const startMs = ranMs - run.runMs;
  const about = { 'batchyard.queue': run.queue, 'batchyard.worker': worker };
  const batch = traces.record({
    name: 'batch',
    links: traced.map(({ place }) => place),
    startMs: startMs - run.assembleMs,
    endMs,
    attributes: {
      ...about,
      'batchyard.batch.rows': run.rows,
      'batchyard.batch.jobs': run.jobs.length,
      'batchyard.batch.reason': run.reason,
      'batchyard.batch.predicted_ms': run.predictedMs,
      'batchyard.batch.assemble_ms': run.assembleMs,
      'batchyard.batch.output_ms': run.outputMs,
    },
  });
  for (const { id, place, rows, waitMs } of traced) {
    const attributes = { ...about, 'batchyard.job': id, 'batchyard.rows': rows };
    traces.record({ name: 'queue', parent: place, startMs: startMs - waitMs, endMs: startMs, attributes });
    traces.record({ name: 'run', parent: place, links: [batch], startMs, endMs: ranMs, attributes });
  }
}
