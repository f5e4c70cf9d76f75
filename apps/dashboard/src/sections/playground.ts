/** A request to try: a valid input made from the model's metadata, sent the same way as any client's. */
import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';

import { call, sentenceOf, usePolled } from '../api.ts';
import { duration } from '../format.ts';
import { Empty, Trouble } from '../parts.ts';
import { requestFor } from '../sample-request.ts';
import type { Model } from '../types.ts';

const LONGEST_SHOWN = 20_000;

export function Playground() {
  const { value, error } = usePolled<{ models: Model[]; public_url: string }>('/v1/models', 5_000);
  const models = value?.models ?? [];
  const [chosen, setChosen] = useState('');
  const [body, setBody] = useState('');
  const [answer, setAnswer] = useState<{ text: string; ms: number; failed: boolean } | undefined>();
  const model = models.find(({ queue }) => queue === chosen) ?? models[0];
  const fill = (): void => {
    if (model) setBody(JSON.stringify(requestFor(model, Math.random)));
  };
  useEffect(() => {
    fill();
    setAnswer(undefined);
  }, [model?.queue]);
  if (!model)
    return html`<section class="panel">
      <h2>Playground</h2>
      <${Trouble} text=${error} /><${Empty} text="No model is known." />
    </section>`;
  const send = async (): Promise<void> => {
    const since = performance.now();
    try {
      const result = await call<unknown>(`/v1/models/${encodeURIComponent(model.name)}/infer`, 'POST', body);
      const text = JSON.stringify(result, null, 1).replace(
        /\[\s+([^[\]{}]*?)\s+\]/g,
        (_all, inner: string) => `[${inner.replace(/\s+/g, ' ')}]`,
      );
      setAnswer({ text: text.slice(0, LONGEST_SHOWN), ms: performance.now() - since, failed: false });
    } catch (failure) {
      setAnswer({ text: sentenceOf(failure), ms: performance.now() - since, failed: true });
    }
  };
  const shown = ({ name, datatype, shape }: { name: string; datatype: string; shape: number[] }) =>
    html`<span class="tag">${name} ${datatype} [${shape.join(', ')}]</span>`;
  const curl = `curl -s ${value?.public_url ?? ''}/v2/models/${model.name}/infer -d '${body.replaceAll("'", "'\\''")}'`;
  const changed = (event: Event): string => (event.currentTarget as HTMLInputElement).value;
  return html`<section class="panel" aria-label="Playground">
    <h2>Playground</h2>
    <div class="filters">
      <label
        >Model
        <select value=${model.queue} onChange=${(event: Event) => setChosen(changed(event))}>
          ${models.map(({ queue }) => html`<option value=${queue}>${queue}</option>`)}
        </select></label
      >
      <button type="button" onClick=${fill}>Other values</button>
      <button type="button" class="primary" onClick=${send}>Send</button>
    </div>
    <p>takes ${model.inputs.map(shown)} gives ${model.outputs.map(shown)}</p>
    <label class="code"
      >Request<textarea
        class="mono"
        rows="8"
        spellcheck="false"
        value=${body}
        onInput=${(event: Event) => setBody(changed(event))}
      ></textarea>
    </label>
    <label class="code"
      >The same from a shell<input
        class="mono"
        readonly
        value=${curl}
        onFocus=${(event: Event) => (event.currentTarget as HTMLInputElement).select()}
    /></label>
    <div aria-live="polite">
      ${
        answer
          ? html`<h3>${answer.failed ? 'Refused' : 'Result'} <small>after ${duration(answer.ms)}</small></h3>
              <pre class=${`result ${answer.failed ? 'bad' : ''}`}>${answer.text}</pre>`
          : ''
      }
    </div>
  </section>`;
}
