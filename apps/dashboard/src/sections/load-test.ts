/** Load tests: start one beside this gateway, watch it second by second, and see how it differs from the last ones. */
import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';

import { call, sentenceOf, usePolled } from '../api.ts';
import { clock, count, duration, percent } from '../format.ts';
import { changeOf, earlierLike, lineOf, whatWasAsked, type Change } from '../load-compare.ts';
import { Action, Badge, Empty, Trouble } from '../parts.ts';
import type { LoadRun, LoadSecond, LoadStep, Model } from '../types.ts';

const CLASSES = ['critical', 'high', 'normal', 'low'];
const HOW = [
  ['capacity', 'find the capacity'],
  ['rate', 'requests a second'],
  ['clients', 'waiting clients'],
] as const;
type How = (typeof HOW)[number][0];
const USUAL: Readonly<Record<How, string>> = { capacity: '', rate: '50', clients: '16' };

const changed = (event: Event): string => (event.currentTarget as HTMLInputElement).value;

/** What runs on this gateway, as its stream tells it; `ended` counts those that have. */
function useRun(): { run: LoadRun | undefined; ended: number } {
  const [state, setState] = useState<{ run: LoadRun | undefined; ended: number }>({ run: undefined, ended: 0 });
  useEffect(() => {
    const source = new EventSource('/v1/loadtests');
    source.addEventListener('run', ({ data }: MessageEvent<string>) => {
      const run = JSON.parse(data) as LoadRun;
      setState(({ ended }) => ({ run, ended: run.state === 'running' ? ended : ended + 1 }));
    });
    return () => source.close();
  }, []);
  return state;
}

function Start({ busy }: { busy: boolean }) {
  const models = usePolled<{ models: Model[] }>('/v1/models', 10_000).value?.models ?? [];
  const [model, setModel] = useState('');
  const [priority, setPriority] = useState('normal');
  const [how, setHow] = useState<How>('rate');
  const [amount, setAmount] = useState(USUAL.rate);
  const [seconds, setSeconds] = useState('10');
  const [key, setKey] = useState('');
  const [error, setError] = useState<string | undefined>();
  const chosen = model || models[0]?.name;
  const start = async (): Promise<void> => {
    const ask = {
      model: chosen,
      priority,
      seconds: Number(seconds),
      ...(how === 'capacity' ? {} : { [how]: Number(amount) }),
      ...(key === '' ? {} : { api_key: key }),
    };
    try {
      await call('/v1/loadtests', 'POST', JSON.stringify(ask));
      setError(undefined);
    } catch (failure) {
      setError(sentenceOf(failure));
    }
  };
  return html`<div class="filters">
      <label
        >Model
        <select value=${chosen} onChange=${(event: Event) => setModel(changed(event))}>
          ${models.map(({ name }) => html`<option value=${name}>${name}</option>`)}
        </select></label
      >
      <label
        >Class
        <select value=${priority} onChange=${(event: Event) => setPriority(changed(event))}>
          ${CLASSES.map((name) => html`<option value=${name}>${name}</option>`)}
        </select></label
      >
      <label
        >How
        <select
          value=${how}
          onChange=${(event: Event) => {
            const next = changed(event) as How;
            setHow(next);
            setAmount(USUAL[next]);
          }}
        >
          ${HOW.map(([value, name]) => html`<option value=${value}>${name}</option>`)}
        </select></label
      >
      ${
        how === 'capacity'
          ? ''
          : html`<label
              >${how === 'rate' ? 'Requests/s' : 'Clients'}
              <input
                type="number"
                min="1"
                max=${how === 'rate' ? 2_000 : 256}
                value=${amount}
                onInput=${(event: Event) => setAmount(changed(event))}
            /></label>`
      }
      <label
        >Seconds
        <input type="number" min="1" max="60" value=${seconds} onInput=${(event: Event) => setSeconds(changed(event))}
      /></label>
      <label
        >API key
        <input
          type="password"
          autocomplete="off"
          placeholder="where one is needed"
          value=${key}
          onInput=${(event: Event) => setKey(changed(event))}
      /></label>
      <button type="button" class="primary" disabled=${busy || !chosen} onClick=${start}>Start</button>
    </div>
    <${Trouble} text=${error} />`;
}

/** Lines over the seconds, each scaled to the highest of all. */
function Lines({ seconds }: { seconds: readonly LoadSecond[] }) {
  const most = Math.max(1, ...seconds.map(({ p99_ms: p99 }) => p99 ?? 0));
  const points = (of: 'p50_ms' | 'p99_ms'): string =>
    seconds
      .filter((second) => second[of] !== null)
      .map((second) => {
        const x = seconds.length > 1 ? (100 * second.at_s) / (seconds.length - 1) : 0;
        return `${x.toFixed(2)},${(98 - (94 * (second[of] ?? 0)) / most).toFixed(2)}`;
      })
      .join(' ');
  const last = seconds.at(-1);
  return html`<svg
      class="lines"
      viewBox="0 0 100 100"
      preserveAspectRatio="none"
      role="img"
      aria-label="Latency of each second"
    >
      <polyline class="first" points=${points('p50_ms')} />
      <polyline class="second" points=${points('p99_ms')} />
    </svg>
    <p>
      <span class="key first">p50 ${duration(last?.p50_ms)}</span> ·
      <span class="key second"> p99 ${duration(last?.p99_ms)}</span> · ${count(last?.ended)}/s answered · the line's top
      is ${duration(most)}
    </p>`;
}

const Steps = ({ steps }: { steps: readonly LoadStep[] }) =>
  steps.length === 0
    ? ''
    : html`<div class="scroll">
        <table>
          <thead>
            <tr>
              <th>Step</th>
              ${['Offered/s', 'Answered/s', 'Errors', 'p50', 'p90', 'p99', 'p99.9', 'Max', 'Sent late, p99'].map((name) => html`<th class="n">${name}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${steps.map(
              (step) =>
                html`<tr key=${step.name}>
                  <td>${step.name}</td>
                  <td class="n">${count(step.offered_per_s)}</td>
                  <td class="n">${count(step.answered_per_s)}</td>
                  <td class="n">${percent(step.sent === 0 ? null : step.failed / step.sent)}</td>
                  ${[step.p50_ms, step.p90_ms, step.p99_ms, step.p999_ms, step.max_ms, step.late_p99_ms].map((ms) => html`<td class="n">${duration(ms)}</td>`)}
                </tr>`,
            )}
          </tbody>
        </table>
      </div>`;

function Now({ run }: { run: LoadRun }) {
  const { now } = run;
  const where = now && now.index > 0 ? `${now.index} of ${now.steps}: ` : '';
  return html`<section class="panel" aria-label="This test">
    <h2>${whatWasAsked(run.asked)} <${Badge} text=${run.state} /></h2>
    <${Trouble} text=${run.error ?? undefined} />
    ${run.state === 'running' ? html`<${Action} label="Stop" path=${`/v1/loadtests/${run.id}`} method="DELETE" done=${() => 'stopping'} />` : ''}
    ${now ? html`<h3>${where}${now.step} <small>${now.open} open</small></h3>` : ''}
    ${now && now.seconds.length > 0 ? html`<${Lines} seconds=${now.seconds} />` : ''}
    <${Steps} steps=${run.steps} />
    ${run.knee ? html`<p>${run.knee}</p>` : ''} ${run.notes.map((note) => html`<p><small>${note}</small></p>`)}
  </section>`;
}

const Changed = ({ change }: { change: Change | undefined }) =>
  change ? html` <small class=${change.level === 'worse' ? 'bad' : change.level}>${change.text}</small>` : '';

function Before({ runs }: { runs: readonly LoadRun[] }) {
  if (runs.length === 0) return html`<${Empty} text="None has ended yet." />`;
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th>At</th>
          <th>Test</th>
          <th></th>
          <th class="n">Answered/s</th>
          <th class="n">p50</th>
          <th class="n">p99</th>
          <th class="n">Errors</th>
        </tr>
      </thead>
      <tbody>
        ${runs.map((run, i) => {
          const [line, earlier] = [lineOf(run), earlierLike(runs, i)];
          const before = earlier && lineOf(earlier);
          return html`<tr key=${run.id}>
            <td>${clock(Date.parse(run.started_at))}</td>
            <td title=${run.error ?? ''}>${line.what}</td>
            <td><${Badge} text=${run.state} level=${run.state === 'done' ? 'good' : run.state} /></td>
            <td class="n">
              ${count(line.answered)}<${Changed} change=${changeOf(line.answered, before?.answered, false)} />
            </td>
            <td class="n">${duration(line.p50)}<${Changed} change=${changeOf(line.p50, before?.p50, true)} /></td>
            <td class="n">${duration(line.p99)}<${Changed} change=${changeOf(line.p99, before?.p99, true)} /></td>
            <td class="n">${percent(line.errors)}</td>
          </tr>`;
        })}
      </tbody>
    </table>
  </div>`;
}

export function LoadTests() {
  const { run, ended } = useRun();
  // Asked at once when one has ended, as the address then is another.
  const { value, error } = usePolled<{ runs: LoadRun[] }>(`/v1/loadtests?ended=${ended}`, 5_000);
  return html`<section class="panel" aria-label="Load test">
      <h2>Load test</h2>
      <p>
        Random inputs by the model's metadata, sent from a process beside this gateway and measured from when each was
        due. It loads what is serving now: 2,000 requests a second and a minute at most, one test at a time.
      </p>
      <${Start} busy=${run?.state === 'running'} />
    </section>
    ${run ? html`<${Now} run=${run} />` : ''}
    <section class="panel" aria-label="Last tests">
      <h2>Last tests <small>differences from the last one that asked the same</small></h2>
      <${Trouble} text=${error} /><${Before} runs=${value?.runs ?? []} />
    </section>`;
}
