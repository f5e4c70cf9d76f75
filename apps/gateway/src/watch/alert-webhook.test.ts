import assert from 'node:assert/strict';
import { test } from 'node:test';

import { RETELL_MS, type Notice } from '../monitor/alert-state.ts';
import { alertmanagerAlerts, createAlertWebhook, LONGEST_ROW, type AlertmanagerAlert } from './alert-webhook.ts';

const alert = { id: 'queue_depth-x', severity: 'critical', value: 620, since_ms: 1_000 } as const;
const at = { nowMs: 9_000, url: 'http://ops/v1/alerts' };
const brief = (notice: Notice): string[] =>
  alertmanagerAlerts('queue_depth', notice, at).map(
    ({ labels, endsAt }) => `${labels['severity']} ${Date.parse(endsAt)}`,
  );

test('each severity is an alert of its own: one ends when the other begins', () => {
  const still = at.nowMs + 2 * RETELL_MS;
  assert.deepEqual(brief({ what: 'raised', alert, told: [] }), [`critical ${still}`]);
  assert.deepEqual(brief({ what: 'repeated', alert, told: ['warning'] }), ['warning 9000', `critical ${still}`]);
  assert.deepEqual(brief({ what: 'over', alert, told: ['warning', 'critical'] }), ['warning 9000', 'critical 9000']);
  assert.deepEqual(alertmanagerAlerts('queue_depth', { what: 'raised', alert, told: [] }, at), [
    {
      labels: { alertname: 'BatchyardQueueDepth', severity: 'critical', metric: 'queue_depth', service: 'batchyard' },
      annotations: { summary: 'the number of waiting jobs is 620, above 500: critical', alert_id: 'queue_depth-x' },
      startsAt: '1970-01-01T00:00:01.000Z',
      endsAt: new Date(still).toISOString(),
      generatorURL: 'http://ops/v1/alerts',
    },
  ]);
});

const one = (n: number): AlertmanagerAlert[] => [
  { labels: { n: String(n) }, annotations: {}, startsAt: '', endsAt: '', generatorURL: '' },
];

/** A receiver that answers as `status` says; pauses take no time. */
function puppet(status: () => number) {
  const bodies: string[] = [];
  const pauses: number[] = [];
  const reports: unknown[] = [];
  let idle = (): void => undefined;
  const webhook = createAlertWebhook({
    url: 'http://receiver',
    async post({ body }) {
      const code = status();
      if (code === 0) throw new Error('no answer');
      bodies.push(body);
      idle();
      return code;
    },
    pause: async (ms) => void pauses.push(ms),
    report: (detail) => {
      reports.push(detail);
      idle();
    },
  });
  const until = async (done: () => boolean): Promise<void> => {
    while (!done())
      await new Promise<void>((resolve) => {
        idle = resolve;
        setImmediate(resolve);
      });
  };
  return { webhook, bodies, pauses, reports, until };
}

test('told again after growing pauses, in order, and given up at last', async () => {
  const codes = [0, 503, 200, 200];
  const { webhook, bodies, pauses, reports, until } = puppet(() => codes.shift() ?? 0);
  webhook.send(one(1));
  webhook.send(one(2));
  await until(() => bodies.length === 3);
  assert.deepEqual(
    bodies.map((body) => (JSON.parse(body) as AlertmanagerAlert[])[0]?.labels['n']),
    ['1', '1', '2'],
  );
  assert.ok(pauses.length === 2 && (pauses[0] ?? 0) >= 500 && (pauses[1] ?? 0) >= 1_000);
  webhook.send(one(3));
  await until(() => reports.length === 1);
  assert.deepEqual(reports, [{ problem: 'no answer', alerts: 1 }]);
  assert.equal(pauses.length, 2 + 5);
});

test('what cannot be told in time makes room for what is newer', async () => {
  let answer = (): void => undefined;
  const held = new Promise<void>((resolve) => (answer = resolve));
  const bodies: string[] = [];
  const webhook = createAlertWebhook({
    url: 'http://receiver',
    async post({ body }) {
      await held;
      bodies.push(body);
      return 200;
    },
    pause: async () => undefined,
    report: () => undefined,
  });
  for (let i = 0; i <= LONGEST_ROW + 5; i += 1) webhook.send(one(i));
  answer();
  while (bodies.length < LONGEST_ROW + 1) await new Promise((resolve) => setImmediate(resolve));
  const numbers = bodies.map((body) => Number((JSON.parse(body) as AlertmanagerAlert[])[0]?.labels['n']));
  assert.deepEqual(numbers, [0, ...Array.from({ length: LONGEST_ROW }, (_, i) => i + 6)]);
});
