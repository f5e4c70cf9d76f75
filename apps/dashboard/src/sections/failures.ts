/** Failed jobs by their error, and all of one kind tried again at once. */
import { html } from 'htm/preact';

import { usePolled } from '../api.ts';
import { Action, Badge, Empty, JobLink, Trouble } from '../parts.ts';
import type { FailureGroup } from '../types.ts';

export function Failures() {
  const { value, error, refresh } = usePolled<{ groups: FailureGroup[]; partial: boolean }>('/v1/failures', 3_000);
  const groups = value?.groups ?? [];
  const told = ({ retried, left }: Record<string, unknown>): string =>
    `${String(retried)} tried again${Number(left) > 0 ? `, ${String(left)} could not` : ''}`;
  return html`<section class="panel" aria-label="Failures">
    <h2>Failed jobs</h2>
    <${Trouble} text=${error} />
    ${value && groups.length === 0 ? html`<${Empty} text="No job that is kept has failed." />` : ''}
    ${value?.partial ? html`<p><small>Only the latest 2,000 of each queue are counted.</small></p>` : ''}
    ${groups.map(
      (group) =>
        html`<article class="group" key=${`${group.queue} ${group.error}`}>
          <strong class="big">${group.count}</strong>
          <div>
            <p>
              <${Badge} text=${group.code} level="critical" /> in <strong>${group.queue}</strong>, last at
              ${new Date(group.last_at).toLocaleTimeString(undefined, { hour12: false })}
            </p>
            <p class="error">${group.error}</p>
            <p><small>${group.hint}</small></p>
            <p class="actions">
              <${Action}
                kind="primary"
                label="Retry all"
                path=${`/v1/queues/${encodeURIComponent(group.queue)}/retry-failed?${new URLSearchParams({ error: group.error }).toString()}`}
                done=${told}
                after=${refresh}
              />
              <a
                class="button"
                href=${`#/jobs?${new URLSearchParams({ model: group.queue, state: 'failed', error: group.code }).toString()}`}
                >Show them</a
              >
              <span>for example <${JobLink} id=${group.example} /></span>
            </p>
          </div>
        </article>`,
    )}
  </section>`;
}
