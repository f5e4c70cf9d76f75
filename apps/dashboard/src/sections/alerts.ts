/** What is wrong, what was done about it by itself, and what that changed. */
import { html } from 'htm/preact';

import { usePolled } from '../api.ts';
import { clock, count } from '../format.ts';
import type { Live } from '../live.ts';
import { Action, Badge, Empty, Trouble } from '../parts.ts';
import type { Alert, Optimization } from '../types.ts';

type Told = {
  alerts: Alert[];
  rules: { metric: string; name: string; warning: number; critical: number; worse: string }[];
};

function Optimizations() {
  const { value, error } = usePolled<{ auto: boolean; runs: Optimization[] }>('/v1/optimizations', 5_000);
  const runs = value?.runs ?? [];
  return html`<section class="panel" aria-label="Optimizations">
    <h2>Optimizations</h2>
    <${Trouble} text=${error} />
    ${value && !value.auto ? html`<${Empty} text="Rules run only by hand: BATCHYARD_TUNING is off." />` : ''}
    ${value?.auto && runs.length === 0 ? html`<${Empty} text="No rule has changed anything yet." />` : ''}
    ${
      runs.length === 0
        ? ''
        : html`<div class="scroll">
            <table>
              <thead>
                <tr>
                  <th>At</th>
                  <th>Rule</th>
                  <th class="n">Before</th>
                  <th class="n">After</th>
                  <th>Outcome</th>
                  <th>Why</th>
                </tr>
              </thead>
              <tbody>
                ${runs.map(
                  (run) =>
                    html`<tr>
                      <td>${clock(run.at_ms)}</td>
                      <td>${run.rule}: ${run.metric.replaceAll('_', ' ')}</td>
                      <td class="n">${count(run.before.mean)}</td>
                      <td class="n">${count(run.after?.mean)}</td>
                      <td><${Badge} text=${run.outcome} /></td>
                      <td>${run.reason}</td>
                    </tr>`,
                )}
              </tbody>
            </table>
          </div>`
    }
  </section>`;
}

export function Alerts({ live }: { live: Live }) {
  const { value, error, refresh } = usePolled<Told>('/v1/alerts', 2_000);
  const alerts = value?.alerts ?? [];
  const told = live.events.filter(({ kind }) => kind === 'alert' || kind === 'tune').toReversed();
  return html`<section class="panel" aria-label="Alerts">
      <h2>Alerts</h2>
      <${Trouble} text=${error} />
      ${value && alerts.length === 0 ? html`<${Empty} text="Nothing is raised." />` : ''}
      ${alerts.map(
        (alert) =>
          html`<article class="group" key=${alert.id}>
            <${Badge} text=${alert.severity} />
            <div>
              <p><strong>${alert.sentence}</strong></p>
              <p><small>since ${clock(alert.since_ms)}</small></p>
            </div>
            ${alert.acknowledged_ms === null ? html`<${Action} label="Acknowledge" path=${`/v1/alerts/${encodeURIComponent(alert.id)}/acknowledge`} done=${() => 'acknowledged'} after=${refresh} />` : html`<${Badge} text="acknowledged" level="good" />`}
          </article>`,
      )}
      <details>
        <summary>Thresholds</summary>
        <table>
          <thead>
            <tr>
              <th>Metric</th>
              <th class="n">Warning</th>
              <th class="n">Critical</th>
            </tr>
          </thead>
          <tbody>
            ${(value?.rules ?? []).map(
              (rule) =>
                html`<tr>
                  <td>${rule.metric.replaceAll('_', ' ')}</td>
                  <td class="n">${rule.worse === 'lower' ? '<' : '>'} ${rule.warning}</td>
                  <td class="n">${rule.worse === 'lower' ? '<' : '>'} ${rule.critical}</td>
                </tr>`,
            )}
          </tbody>
        </table>
      </details>
    </section>
    <${Optimizations} />
    <section class="panel" aria-label="Told lately">
      <h2>Told lately</h2>
      ${told.length === 0 ? html`<${Empty} text="Nothing yet." />` : ''}
      <ol class="events">
        ${told.map(({ id, at_ms: atMs, kind, detail }) => html`<li key=${id}><time>${clock(atMs)}</time><${Badge} text=${kind} /><span>${detail.sentence}</span></li>`)}
      </ol>
    </section>`;
}
