/** Operations routes of probes, metrics, performance, alerts, events, and the pages. */
import { EVENT_KINDS } from '@batchyard/shared/contract/event';
import { z } from 'zod';

import { UNCHANGED } from './docs-operations.ts';
import { JSON_TYPE, type Operation, streamed, told } from './operation.ts';
import { ifNoneMatch } from './parameters.ts';
import {
  alertAcknowledged,
  alertList,
  clusterEvent,
  eventList,
  performance,
  performanceExport,
  performanceHistory,
  readiness,
  sample,
} from './watching-schemas.ts';
import { live } from './inference-schemas.ts';

const PROBES = 'Probes and metrics';
const PERFORMANCE = 'Performance';
const ALERTS = 'Alerts and events';
const PAGES = 'Pages';

const span = (otherwise: string) =>
  ({
    name: 'window',
    in: 'query',
    description: `How far back from the newest sample: \`60s\`, \`5m\`, \`1h\`, or seconds; an hour at most. ${otherwise} without one.`,
    schema: z.string().regex(/^(\d{1,5})([smh]?)$/),
    example: '60s',
  }) as const;

const page = (path: string, id: string, summary: string, type: string): Operation => ({
  method: 'get',
  path,
  id,
  tag: PAGES,
  summary,
  parameters: [ifNoneMatch],
  answers: [
    { status: 200, description: 'The file.', content: [{ type, schema: z.string() }], headers: ['ETag'] },
    UNCHANGED,
  ],
  failures: ['not_found'],
});

export const PROBE_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/livez',
    id: 'getLive',
    tag: PROBES,
    summary: 'Whether the gateway lives',
    answers: [told(200, 'It does.', live)],
    open: true,
  },
  {
    method: 'get',
    path: '/readyz',
    id: 'getReady',
    tag: PROBES,
    summary: 'Whether requests can be answered, and what it looks at',
    parameters: [
      {
        name: 'verbose',
        in: 'query',
        description: 'With it, whatever its value, what is looked at is told as well.',
        schema: z.string(),
        example: '1',
      },
    ],
    answers: [
      told(200, 'They can.', readiness),
      told(503, 'It drains, has lost Redis or has one that may forget jobs, or no worker serves any model.', readiness),
    ],
    open: true,
  },
  {
    method: 'get',
    path: '/metrics',
    id: 'getMetrics',
    tag: PROBES,
    summary: 'Metrics for Prometheus',
    description: 'While Redis is away they lack how queues stand, and `batchyard_redis_up` is 0.',
    answers: [
      {
        status: 200,
        description: 'The text exposition format, version 0.0.4.',
        content: [{ type: 'text/plain', schema: z.string() }],
      },
    ],
    failures: ['internal'],
  },
];

export const WATCHING_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/v1/performance',
    id: 'getPerformance',
    tag: PERFORMANCE,
    summary: 'Mean, median, p95 and p99 of each metric',
    parameters: [span('A minute')],
    answers: [told(200, 'Over the window.', performance)],
    failures: ['bad_request'],
  },
  {
    method: 'get',
    path: '/v1/performance/history',
    id: 'getPerformanceHistory',
    tag: PERFORMANCE,
    summary: 'The samples themselves',
    parameters: [span('An hour')],
    answers: [told(200, 'One a second, the newest last.', performanceHistory)],
    failures: ['bad_request'],
  },
  {
    method: 'get',
    path: '/v1/performance/export',
    id: 'exportPerformance',
    tag: PERFORMANCE,
    summary: 'The last hour as a file',
    answers: [told(200, 'What it comes to, and its samples.', performanceExport, ['Content-Disposition'])],
  },
  {
    method: 'get',
    path: '/v1/alerts',
    id: 'listAlerts',
    tag: ALERTS,
    summary: 'What is raised, the thresholds, what was told',
    answers: [told(200, 'As the newest sample has it.', alertList)],
    failures: ['queue_unavailable', 'internal'],
  },
  {
    method: 'post',
    path: '/v1/alerts/{id}/acknowledge',
    id: 'acknowledgeAlert',
    tag: ALERTS,
    summary: 'Acknowledge an alert',
    description: 'For all gateways: it is not told again, unless it gets worse.',
    parameters: [
      {
        name: 'id',
        in: 'path',
        description: 'Id of the alert, as in the list of alerts.',
        schema: z.string(),
        example: 'queue_depth-mb2k9x',
      },
    ],
    answers: [told(200, 'It is acknowledged.', alertAcknowledged)],
    failures: ['not_found', 'queue_unavailable', 'internal'],
  },
  {
    method: 'get',
    path: '/v1/events',
    id: 'watchEvents',
    tag: ALERTS,
    summary: 'What happens, as it happens',
    description:
      'Server-sent events: `scale`, `drain`, `deploy`, `kill`, `alert`, `steer`, `tune` and `audit` with what the list tells of each, and a `sample` each second. A stream begins with the last 200 events. With `Accept: application/json` the list of those that are held.',
    parameters: [
      {
        name: 'Last-Event-ID',
        in: 'header',
        description: 'Id of the last event that was seen: what was missed is told.',
        schema: z.string(),
      },
    ],
    answers: [
      {
        status: 200,
        description: 'The stream, or the list.',
        content: [
          streamed(
            { ...Object.fromEntries(EVENT_KINDS.map((kind) => [kind, clusterEvent])), sample },
            'retry: 2000\n\nid: 1769860800000-0\nevent: scale\ndata: {"id":"1769860800000-0","at_ms":1769860800000,"kind":"scale","detail":{"sentence":"4 workers instead of 2 are asked for by hand","before":2,"count":4}}\n\n',
          ),
          { type: JSON_TYPE, schema: eventList },
        ],
      },
    ],
    failures: ['overloaded'],
  },
];

export const PAGE_OPERATIONS: readonly Operation[] = [
  page('/', 'getDashboard', 'The dashboard', 'text/html'),
  page('/dashboard.js', 'getDashboardScript', 'Its script', 'text/javascript'),
  page('/dashboard.css', 'getDashboardStyle', 'Its style sheet', 'text/css'),
];
