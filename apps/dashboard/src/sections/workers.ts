/** The workers: how busy each is, what it serves, how much of the work it gets and why. */
import { html } from 'htm/preact';

import { usePolled } from '../api.ts';
import { bytes, duration, percent } from '../format.ts';
import { Action, Badge, Empty, Meter, Trouble } from '../parts.ts';
import type { Worker } from '../types.ts';

/** GET /v1/balancer, where the gateway has it. */
type Balancer = {
  strategy?: string;
  workers?: readonly { id?: string; worker?: string; share?: number; reason?: string; score?: number }[];
};

export function Workers() {
  const { value, error, refresh } = usePolled<{ workers: Worker[] }>('/v1/workers', 1_000);
  const balancer = usePolled<Balancer>('/v1/balancer', 2_000).value;
  const workers = value?.workers ?? [];
  return html`<section class="panel" aria-label="Workers">
    <h2>Workers ${balancer?.strategy ? html`<small>balanced by ${balancer.strategy}</small>` : ''}</h2>
    <${Trouble} text=${error} />
    ${value && workers.length === 0 ? html`<${Empty} text="No worker is known. Start one: npx batchyard worker" />` : ''}
    ${
      workers.length === 0
        ? ''
        : html`<div class="scroll">
            <table>
              <thead>
                <tr>
                  <th>Worker</th>
                  <th>State</th>
                  <th>Load</th>
                  <th>Share and why</th>
                  <th class="n">In flight</th>
                  <th class="n">Response</th>
                  <th class="n">Memory</th>
                  <th>Models</th>
                  <th></th>
                </tr>
              </thead>
              <tbody>
                ${workers.map((worker) => {
                  const told = balancer?.workers?.find((one) => (one.id ?? one.worker) === worker.id);
                  return html`<tr key=${worker.id}>
                    <td><span class="mono">${worker.id}</span><br /><small>${worker.host} · ${worker.pid}</small></td>
                    <td><${Badge} text=${worker.state} /></td>
                    <td><${Meter} share=${worker.load} label="load" /> ${percent(worker.load)}</td>
                    <td>
                      ${told?.share === undefined ? '' : html`<strong>${percent(told.share)}</strong> `}<small
                        >${told?.reason ?? worker.reason ?? 'takes at once'}</small
                      >
                    </td>
                    <td class="n">${worker.in_flight}</td>
                    <td class="n">${duration(worker.response_ms)}</td>
                    <td class="n">${bytes(worker.rss_bytes)}</td>
                    <td class="models">${worker.models.map((name) => html`<span class="tag">${name}</span>`)}</td>
                    <td>
                      ${worker.state === 'serving' ? html`<${Action} label="Drain" confirm=${`Drain ${worker.id}? It finishes what it holds and takes no more.`} path=${`/v1/workers/${encodeURIComponent(worker.id)}/drain`} done=${() => 'draining'} after=${refresh} />` : ''}
                    </td>
                  </tr>`;
                })}
              </tbody>
            </table>
          </div>`
    }
  </section>`;
}
