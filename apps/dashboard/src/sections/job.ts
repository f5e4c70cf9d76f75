/** One job: what happened to it when, with whom it ran, what it carried, why it failed, and how to run it again. */
import { html } from 'htm/preact';

import { usePolled } from '../api.ts';
import { bytes, count, duration } from '../format.ts';
import { Action, Badge, Empty, Trouble } from '../parts.ts';
import type { Job, TensorSummary } from '../types.ts';
import { JobTable } from './jobs.ts';

type Step = { readonly name: string; readonly from: number; readonly to: number };

/** What it spent its time on, ms since it was submitted; what goes on ends now. */
function stepsOf({ timeline }: Pick<Job, 'timeline'>, ageMs: number): Step[] {
  const { queued, started, ran_from: ranFrom, finished } = timeline;
  const end = finished ?? Math.max(ageMs, started ?? 0, queued ?? 0);
  const steps = [
    { name: 'submit', from: 0, to: queued ?? 0 },
    { name: 'wait', from: queued ?? 0, to: started ?? end },
    { name: 'assemble', from: started ?? end, to: ranFrom ?? end },
    { name: 'run', from: ranFrom ?? end, to: end },
  ];
  return steps.filter(({ from, to }) => to > from);
}

function Timeline({ job }: { job: Job }) {
  const steps = stepsOf(job, Date.now() - Date.parse(job.submitted_at));
  const total = Math.max(1, ...steps.map(({ to }) => to));
  return html`<div
    class="timeline"
    role="img"
    aria-label=${steps.map(({ name, from, to }) => `${name} ${duration(to - from)}`).join(', ')}
  >
    <div class="bar">
      ${steps.map(({ name, from, to }) => html`<span class=${`step ${name}`} style=${{ flexGrow: Math.max((to - from) / total, 0.01) }} title=${`${name}: ${duration(to - from)}`}></span>`)}
    </div>
    <ul>
      ${steps.map(({ name, from, to }) => html`<li><i class=${`step ${name}`}></i>${name} <strong>${duration(to - from)}</strong></li>`)}
      <li>in all <strong>${duration(total)}</strong></li>
      ${job.timeline.deadline === null ? '' : html`<li>deadline after <strong>${duration(job.timeline.deadline)}</strong></li>`}
    </ul>
  </div>`;
}

function Tensors({ title, all }: { title: string; all: TensorSummary[] | null }) {
  const figure = (value: number | null): string => (value === null ? '–' : String(Number(value.toPrecision(6))));
  return html`<section class="panel" aria-label=${title}>
    <h3>${title}</h3>
    ${
      all === null
        ? html`<${Empty} text="No longer kept." />`
        : html`<div class="scroll">
            <table>
              <thead>
                <tr>
                  <th>Tensor</th>
                  <th>Type</th>
                  <th>Shape</th>
                  <th class="n">Min</th>
                  <th class="n">Max</th>
                  <th class="n">Mean</th>
                  <th class="n">Size</th>
                </tr>
              </thead>
              <tbody>
                ${all.map(
                  (one) =>
                    html`<tr>
                      <td>${one.name}</td>
                      <td>${one.datatype}</td>
                      <td class="mono">[${one.shape.join(', ')}]</td>
                      <td class="n">${figure(one.min)}</td>
                      <td class="n">${figure(one.max)}</td>
                      <td class="n">${figure(one.mean)}</td>
                      <td class="n">
                        ${bytes(one.bytes)}${one.not_finite > 0 ? html` <${Badge} text=${`${one.not_finite} not finite`} level="warning" />` : ''}
                      </td>
                    </tr>`,
                )}
              </tbody>
            </table>
          </div>`
    }
  </section>`;
}

export function JobPage({ id, publicUrl }: { id: string; publicUrl: string }) {
  const { value: job, error, refresh } = usePolled<Job>(`/v1/jobs/${encodeURIComponent(id)}`, 1_000);
  if (!job)
    return html`<section class="panel">
      <h2>Job <span class="mono">${id}</span></h2>
      <${Trouble} text=${error} />
    </section>`;
  const curl = `curl -X POST ${publicUrl}/v1/jobs/${job.id}/retry`;
  const waits = job.status === 'queued' || job.status === 'running';
  return html`<section class="panel" aria-label="Job">
      <p><a href="#/jobs">← Jobs</a></p>
      <h2>Job <span class="mono">${job.id}</span> <${Badge} text=${job.status} /></h2>
      <${Trouble} text=${error} />
      ${job.error ? html`<div class="trouble" role="alert"><strong>${job.error.code}</strong>: ${job.error.message}<br /><small>${job.hint}</small></div>` : ''}
      <${Timeline} job=${job} />
      <dl class="facts">
        <dt>Model</dt>
        <dd>${job.queue}</dd>
        <dt>Class</dt>
        <dd>${job.priority}</dd>
        <dt>Rows</dt>
        <dd>${job.rows}</dd>
        <dt>Attempts</dt>
        <dd>
          ${job.attempts}
          <small
            >of ${job.deliveries} deliveries${job.deaths > 0 ? `, ${job.deaths} ended with their worker` : ''}</small
          >
        </dd>
        ${
          job.position === null
            ? ''
            : html`<dt>Ahead of it</dt>
                <dd>${count(job.position)}</dd>`
        }
        <dt>Worker</dt>
        <dd class="mono">${job.worker ?? '–'}</dd>
        ${
          job.batch
            ? html`<dt>Batch</dt>
                <dd>
                  <span class="mono">${job.batch.batch}</span>, ${job.batch.batch_rows} rows
                  <small>because: ${job.batch.reason}</small>
                </dd>
                <dt>Run</dt>
                <dd>${duration(job.batch.run_ms)} <small>predicted ${duration(job.batch.predicted_ms)}</small></dd>`
            : ''
        }
      </dl>
      <p class="actions">
        ${job.can_retry ? html`<${Action} kind="primary" label="Retry" path=${`/v1/jobs/${job.id}/retry`} done=${() => 'it waits again'} after=${refresh} />` : ''}
        ${waits ? html`<${Action} label="Cancel" method="DELETE" path=${`/v1/jobs/${job.id}`} done=${() => 'cancelled'} after=${refresh} />` : ''}
      </p>
      ${job.can_retry ? html`<label class="code">To run it again<input class="mono" readonly value=${curl} onFocus=${(event: Event) => (event.currentTarget as HTMLInputElement).select()} /></label>` : ''}
    </section>
    <div class="two">
      <${Tensors} title="Input" all=${job.inputs} /><${Tensors} title="Result" all=${job.outputs} />
    </div>
    <section class="panel" aria-label="Batch-mates">
      <h3>Ran in the same batch</h3>
      ${job.batch_mates.length === 0 ? html`<${Empty} text="No other job that is kept." />` : html`<${JobTable} jobs=${job.batch_mates} />`}
    </section>`;
}
