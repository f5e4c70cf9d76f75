/** What a person sees first: is all well, how much happens, and what happened lately. */
import { html } from 'htm/preact';

import { usePolled } from '../api.ts';
import { Charts } from '../chart.ts';
import { bytes, clock, count, duration, durations, percent, plural } from '../format.ts';
import type { Live } from '../live.ts';
import { Action, Badge, Empty, Meter, Tile } from '../parts.ts';
import type { ClusterEvent, ModelFigures, QueueLine, RedisFacts, Sample } from '../types.ts';

const BEHIND_MS = 1_000;
const EVENTS_SHOWN = 12;
const ERRORS_BAD = 0.05;

function Tiles({ sample }: { sample: Sample | undefined }) {
  const all = sample?.latency.all;
  return html`<div class="tiles">
    <${Tile}
      name="Requests"
      value=${`${count(sample?.requests_per_s)}/s`}
      note=${`${count(sample?.rows_per_s)} rows/s`}
    />
    <${Tile}
      name="Latency p99"
      value=${duration(all?.p99_ms)}
      note=${`p50 ${duration(all?.p50_ms)} · p95 ${duration(all?.p95_ms)}`}
    />
    <${Tile} name="Waiting" value=${count(sample?.queue.depth)} note=${`${count(sample?.queue.active)} running`} />
    <${Tile}
      name="Errors"
      value=${percent(sample?.error_rate ?? (sample ? 0 : null))}
      level=${(sample?.error_rate ?? 0) > ERRORS_BAD ? 'bad' : ''}
      note=${`cache hits ${percent(sample?.hit_rate)}`}
    />
    <${Tile} name="CPU" value=${percent(sample?.cpu_share)} note=${`memory ${bytes(sample?.memory.rss_bytes)}`} />
  </div>`;
}

type CardProps = { queue: string; figures: ModelFigures; line: QueueLine | undefined; refresh: () => void };
function ModelCard({ queue, figures, line, refresh }: CardProps) {
  const { latency, queue: waiting, batch, workers } = figures;
  const behind = waiting.depth > 0 && waiting.oldest_ms > BEHIND_MS;
  const level = workers === 0 ? 'critical' : behind ? 'warning' : 'good';
  const path = `/v1/queues/${encodeURIComponent(queue)}`;
  return html`<article class=${`card ${level}`} aria-label=${queue}>
    <header>
      <h3>${queue}</h3>
      ${line?.paused ? html`<${Badge} text="paused" level="warning" />` : ''}
      <${Badge} text=${plural(workers, 'worker')} level=${workers > 0 ? 'good' : 'critical'} />
    </header>
    <dl>
      <dt>Rate</dt>
      <dd>${count(figures.requests_per_s)}/s <small>${count(figures.rows_per_s)} rows/s</small></dd>
      <dt>p50 / p95 / p99</dt>
      <dd class="nowrap">
        ${latency.all ? durations([latency.all.p50_ms, latency.all.p95_ms, latency.all.p99_ms]) : '–'}
      </dd>
      <dt>Queue</dt>
      <dd>
        ${count(waiting.depth)} waiting
        <small>${waiting.depth > 0 ? `oldest ${duration(waiting.oldest_ms)}` : ''}</small>
      </dd>
      <dt>Errors</dt>
      <dd>
        ${percent(figures.error_rate ?? 0)}
        <small>${line && line.failed > 0 ? html`<a href="#/failures">${line.failed} failed jobs kept</a>` : ''}</small>
      </dd>
      <dt>Batch fill</dt>
      <dd>
        <${Meter} share=${batch.fill ?? 0} label="batch fill" /> ${percent(batch.fill)}
        <small>${batch.rows === null ? '' : `${count(batch.rows)} rows`}</small>
      </dd>
      <dt>Cache hits</dt>
      <dd>${percent(figures.hit_rate)}</dd>
    </dl>
    <footer>
      ${
        line?.paused
          ? html`<${Action} label="Resume" path=${`${path}/resume`} done=${() => 'resumed'} after=${refresh} />`
          : html`<${Action} label="Pause" path=${`${path}/pause`} done=${() => 'paused'} after=${refresh} />`
      }
      <a class="button" href=${`#/jobs?model=${encodeURIComponent(queue)}`}>Jobs</a>
    </footer>
  </article>`;
}

function RedisPanel() {
  const { value } = usePolled<RedisFacts>('/v1/redis', 3_000);
  if (!value)
    return html`<section class="panel">
      <h2>Redis</h2>
      <${Empty} text="…" />
    </section>`;
  const share = value.max_bytes > 0 ? value.used_bytes / value.max_bytes : 0;
  const safe = value.append_only && value.policy === 'noeviction';
  return html`<section class="panel" aria-label="Redis">
    <h2>Redis <small>${value.version}</small></h2>
    <p class="wide"><${Meter} share=${share} label="memory of maxmemory" level=${share > 0.75 ? 'bad' : ''} /></p>
    <dl>
      <dt>Memory</dt>
      <dd>${bytes(value.used_bytes)} <small>of ${value.max_bytes > 0 ? bytes(value.max_bytes) : 'no bound'}</small></dd>
      <dt>Policy</dt>
      <dd>
        ${value.policy}
        ${value.evicted_keys > 0 ? html`<${Badge} text=${`${value.evicted_keys} evicted`} level="critical" />` : ''}
      </dd>
      <dt>Persists</dt>
      <dd>
        ${safe ? `yes, append-only file (${value.fsync ?? '?'})` : html`<${Badge} text="jobs can be lost" level="warning" />`}
        ${value.last_save_failed ? html`<${Badge} text="last write failed" level="critical" />` : ''}
      </dd>
      <dt>Operations</dt>
      <dd>${count(value.ops_per_s)}/s <small>${plural(value.clients, 'connection')}</small></dd>
    </dl>
  </section>`;
}

function EventList({ events }: { events: readonly ClusterEvent[] }) {
  const latest = events.slice(-EVENTS_SHOWN).toReversed();
  return html`<section class="panel" aria-label="Events">
    <h2>What happened</h2>
    ${latest.length === 0 ? html`<${Empty} text="Nothing yet." />` : ''}
    <ol class="events">
      ${latest.map(
        ({ id, at_ms: atMs, kind, detail }) =>
          html`<li key=${id}><time>${clock(atMs)}</time><${Badge} text=${kind} /><span>${detail.sentence}</span></li>`,
      )}
    </ol>
  </section>`;
}

export function Overview({ live, theme }: { live: Live; theme: string }) {
  const sample = live.samples.at(-1);
  const queues = usePolled<{ queues: QueueLine[] }>('/v1/queues', 2_000);
  const models = Object.entries(sample?.models ?? {}).toSorted(
    ([a, x], [b, y]) => y.requests_per_s - x.requests_per_s || a.localeCompare(b),
  );
  return html`<${Tiles} sample=${sample} />
    <section class="panel" aria-label="Live">
      <${Charts} samples=${live.samples} events=${live.events} theme=${theme} />
    </section>
    <section aria-label="Models">
      <h2>Models</h2>
      <div class="cards">
        ${models.map(
          ([queue, figures]) =>
            html`<${ModelCard}
              key=${queue}
              queue=${queue}
              figures=${figures}
              line=${queues.value?.queues.find((one) => one.queue === queue)}
              refresh=${queues.refresh}
            />`,
        )}
        ${sample && models.length === 0 ? html`<${Empty} text="No model is known: start a worker with a model repository." />` : ''}
      </div>
    </section>
    <div class="two"><${EventList} events=${live.events} /><${RedisPanel} /></div>`;
}
