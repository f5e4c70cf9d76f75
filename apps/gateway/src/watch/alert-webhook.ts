/**
 * Tells alerts to a webhook in the form that Prometheus' Alertmanager takes (`POST /api/v2/alerts`). Nobody waits for it: what
 * is to be told stands in a short row, one call at a time, each limited in time and tried again with growing pauses.
 */
import { SEVERITIES } from '@batchyard/shared/contract/sample';

import { RETELL_MS, type Notice } from '../monitor/alert-state.ts';
import { alertSentence } from '../monitor/describe-alert.ts';

export type AlertmanagerAlert = {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL: string;
};

const camel = (metric: string): string =>
  metric.replace(/(?:^|_)([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());

/**
 * The severity is a label, so that each is an alert of its own to Alertmanager: one is ended when the other begins. It ends an
 * alert by itself that is not told again in time; so one that goes on is said to last for twice the time between two tellings.
 */
export function alertmanagerAlerts(
  metric: string,
  { what, alert, told }: Notice,
  at: { readonly nowMs: number; readonly url: string },
): AlertmanagerAlert[] {
  const firing = what === 'over' ? undefined : alert.severity;
  const severities = SEVERITIES.filter((severity) => severity === firing || told.includes(severity));
  return severities.map((severity) => ({
    labels: { alertname: `Batchyard${camel(metric)}`, severity, metric, service: 'batchyard' },
    annotations: { summary: alertSentence(metric, { ...alert, severity }), alert_id: alert.id },
    startsAt: new Date(alert.since_ms).toISOString(),
    endsAt: new Date(severity === firing ? at.nowMs + 2 * RETELL_MS : at.nowMs).toISOString(),
    generatorURL: at.url,
  }));
}

export type AlertWebhookParts = {
  readonly url: string;
  /** @returns the status; follows no redirects, and rejects where there is no answer in time */
  readonly post: (call: { url: string; headers: Readonly<Record<string, string>>; body: string }) => Promise<number>;
  readonly pause: (ms: number) => Promise<void>;
  readonly report: (detail: Record<string, unknown>, sentence: string) => void;
};

export type AlertWebhook = {
  /** Returns at once. */
  send(alerts: readonly AlertmanagerAlert[]): void;
};

export const LONGEST_ROW = 64;
const PAUSES_MS = [1_000, 2_000, 4_000, 8_000, 16_000];

export function createAlertWebhook({ url, post: call, pause, report }: AlertWebhookParts): AlertWebhook {
  const row: (readonly AlertmanagerAlert[])[] = [];
  let sending = false;

  /** @returns why it failed; undefined when it did not */
  async function post(alerts: readonly AlertmanagerAlert[]): Promise<string | undefined> {
    try {
      const status = await call({ url, headers: { 'content-type': 'application/json' }, body: JSON.stringify(alerts) });
      return status >= 200 && status < 300 ? undefined : `status ${status}`;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
  async function surely(alerts: readonly AlertmanagerAlert[]): Promise<void> {
    for (const waitMs of [...PAUSES_MS, undefined]) {
      const problem = await post(alerts);
      if (problem === undefined) return;
      if (waitMs === undefined) report({ problem, alerts: alerts.length }, 'the webhook for alerts could not be told');
      // Half of it is jitter: gateways that failed together do not come back together.
      else await pause(waitMs * (0.5 + Math.random() / 2));
    }
  }
  async function work(): Promise<void> {
    sending = true;
    for (let next = row.shift(); next; next = row.shift()) await surely(next);
    sending = false;
  }

  return {
    send(alerts) {
      row.push(alerts);
      if (row.length > LONGEST_ROW) row.shift();
      if (!sending) void work();
    },
  };
}
