/** Finding jobs: by id, or by model, state, error and time. */
import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';

import { call, sentenceOf, usePolled } from '../api.ts';
import { duration } from '../format.ts';
import { Badge, Empty, JobLink, Trouble } from '../parts.ts';
import type { JobLine, Model } from '../types.ts';

const STATES = ['failed', 'completed', 'active', 'waiting', 'delayed'];
const SINCE = ['', '1m', '5m', '1h', '24h'];
const AGAIN_MS = 3_000;

type Found = { jobs: JobLine[]; next_cursor: string | null };
type Wanted = { model: string; state: string; error: string; since: string };

const pathOf = ({ model, state, error, since }: Wanted, cursor = ''): string =>
  `/v1/queues/${encodeURIComponent(model)}/jobs?${new URLSearchParams({ state, error, since, cursor, limit: '50' }).toString()}`;

export function JobTable({ jobs }: { jobs: readonly JobLine[] }) {
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th>Job</th>
          <th>Status</th>
          <th>Class</th>
          <th>Submitted</th>
          <th class="n">Took</th>
          <th>Worker</th>
          <th>Error</th>
        </tr>
      </thead>
      <tbody>
        ${jobs.map(
          (job) =>
            html`<tr key=${job.id}>
              <td><${JobLink} id=${job.id} /></td>
              <td><${Badge} text=${job.status} /></td>
              <td>${job.priority}</td>
              <td>${new Date(job.submitted_at).toLocaleTimeString(undefined, { hour12: false })}</td>
              <td class="n">${duration(job.total_ms)}</td>
              <td class="mono">${job.worker ?? ''}</td>
              <td class="cut" title=${job.error?.message ?? ''}>
                ${job.error ? `${job.error.code}: ${job.error.message}` : ''}
              </td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

export function Jobs({ query }: { query: URLSearchParams }) {
  const models = usePolled<{ models: Model[] }>('/v1/models', 5_000).value?.models ?? [];
  const [wanted, setWanted] = useState<Wanted>({
    model: query.get('model') ?? '',
    state: query.get('state') ?? 'completed',
    error: query.get('error') ?? '',
    since: '',
  });
  const [more, setMore] = useState<Found>({ jobs: [], next_cursor: null });
  const [trouble, setTrouble] = useState('');
  const model = wanted.model || models[0]?.queue || '';
  const path = model === '' ? undefined : pathOf({ ...wanted, model });
  const first = usePolled<Found>(path, AGAIN_MS);
  useEffect(() => setMore({ jobs: [], next_cursor: null }), [path]);
  const change = (part: Partial<Wanted>): void => setWanted({ ...wanted, ...part });
  const cursor = more.jobs.length > 0 ? more.next_cursor : (first.value?.next_cursor ?? null);
  const goOn = async (): Promise<void> => {
    try {
      const next = await call<Found>(pathOf({ ...wanted, model }, cursor ?? ''));
      setMore({ jobs: [...more.jobs, ...next.jobs], next_cursor: next.next_cursor });
      setTrouble('');
    } catch (error) {
      setTrouble(sentenceOf(error));
    }
  };
  const goTo = (event: SubmitEvent): void => {
    event.preventDefault();
    const id = new FormData(event.currentTarget as HTMLFormElement).get('id');
    if (typeof id === 'string' && id.trim() !== '') location.hash = `#/jobs/${id.trim()}`;
  };
  const jobs = [...(first.value?.jobs ?? []), ...more.jobs];
  const value = (event: Event): string => (event.currentTarget as HTMLInputElement).value;
  return html`<section class="panel" aria-label="Jobs">
    <h2>Jobs</h2>
    <form class="filters" onSubmit=${goTo}>
      <label>Id <input name="id" class="mono" placeholder="job id" autocomplete="off" spellcheck="false" /></label>
      <button type="submit">Open</button>
    </form>
    <div class="filters">
      <label
        >Model
        <select value=${model} onChange=${(event: Event) => change({ model: value(event) })}>
          ${models.map(({ queue }) => html`<option value=${queue}>${queue}</option>`)}
        </select></label
      >
      <label
        >State
        <select value=${wanted.state} onChange=${(event: Event) => change({ state: value(event) })}>
          ${STATES.map((state) => html`<option value=${state}>${state}</option>`)}
        </select></label
      >
      <label
        >Error contains <input value=${wanted.error} onInput=${(event: Event) => change({ error: value(event) })}
      /></label>
      <label
        >Since
        <select value=${wanted.since} onChange=${(event: Event) => change({ since: value(event) })}>
          ${SINCE.map((since) => html`<option value=${since}>${since === '' ? 'ever' : since}</option>`)}
        </select></label
      >
    </div>
    <${Trouble} text=${first.error ?? trouble} />
    ${jobs.length === 0 ? html`<${Empty} text="No such jobs. Synchronous requests leave none behind once they are answered." />` : html`<${JobTable} jobs=${jobs} />`}
    ${cursor ? html`<p><button type="button" onClick=${goOn}>Older ones</button></p>` : ''}
  </section>`;
}
