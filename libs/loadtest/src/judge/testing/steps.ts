/** Results as plain values, for tests. */
import type { LatencyFigures, LoadReport, StepResult } from '../load-report.ts';

export function makeLatency(figures: Partial<LatencyFigures> = {}): LatencyFigures {
  return {
    count: 100,
    mean_ms: 5,
    min_ms: 1,
    p50_ms: 5,
    p90_ms: 8,
    p95_ms: 9,
    p99_ms: 10,
    p999_ms: 11,
    p9999_ms: 12,
    max_ms: 12,
    ...figures,
  };
}

export function makeStep(
  name: string,
  more: Partial<StepResult> = {},
  latency: Partial<LatencyFigures> = {},
): StepResult {
  return {
    name,
    mode: 'open',
    offered_per_s: 100,
    clients: null,
    seconds: 1,
    sent: 100,
    succeeded: 100,
    refused: 0,
    failed: 0,
    failures: {},
    answered_per_s: 100,
    latency: makeLatency(latency),
    from_send: makeLatency(latency),
    generator: { threads: 1, busy: 0.1, connections: 8, late: makeLatency({ p99_ms: 1 }), late_sends: 0 },
    kinds: [],
    seconds_of: [{ at_s: 0, ended: 100, failed: 0, p50_ms: 5, p99_ms: 10 }],
    server: null,
    ...more,
  };
}

export function makeReport(steps: readonly StepResult[], more: Partial<LoadReport> = {}): LoadReport {
  return {
    format: 1,
    started_at: '2026-01-01T00:00:00.000Z',
    target: 'http://127.0.0.1:8000',
    models: ['simple'],
    steps: [...steps],
    knee: null,
    slo: null,
    verdicts: [],
    scaling: null,
    audit: null,
    notes: [],
    stopped: false,
    ...more,
  };
}
