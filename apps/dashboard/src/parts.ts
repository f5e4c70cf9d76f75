/** Small parts that several sections are made of. */
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';

import { call, sentenceOf } from './api.ts';

type TileProps = { name: string; value: string; note?: string | undefined; level?: string | undefined };
export const Tile = ({ name, value, note, level = '' }: TileProps) =>
  html`<div class=${`tile ${level}`}>
    <span class="name">${name}</span><strong>${value}</strong>${note ? html`<span class="note">${note}</span>` : ''}
  </div>`;

export const Badge = ({ text, level = text }: { text: string; level?: string }) =>
  html`<span class=${`badge ${level}`}>${text}</span>`;

type MeterProps = { share: number; label: string; level?: string };
/** A bar that is read out as well. */
export const Meter = ({ share, label, level = '' }: MeterProps) =>
  html`<span
    class=${`meter ${level}`}
    role="meter"
    aria-label=${label}
    aria-valuemin="0"
    aria-valuemax="100"
    aria-valuenow=${Math.round(share * 100)}
    ><span style=${{ width: `${Math.max(0, Math.min(100, share * 100))}%` }}></span
  ></span>`;

export const Empty = ({ text }: { text: string }) => html`<p class="empty">${text}</p>`;
export const Trouble = ({ text }: { text: string | undefined }) =>
  text ? html`<p class="trouble" role="alert">${text}</p>` : '';

type ActionProps = {
  label: string;
  path: string;
  method?: string;
  /** Asked first where something is lost by it. */
  confirm?: string;
  done: (answer: Record<string, unknown>) => string;
  after?: () => void;
  disabled?: boolean;
  kind?: string;
};
/** A button that does something, and says beside it what came of it. */
export function Action({ label, path, method = 'POST', confirm, done, after, disabled, kind = '' }: ActionProps) {
  const [state, setState] = useState<{ busy: boolean; said: string; failed: boolean }>({
    busy: false,
    said: '',
    failed: false,
  });
  const act = async (): Promise<void> => {
    if (confirm !== undefined && !window.confirm(confirm)) return;
    setState({ busy: true, said: '', failed: false });
    try {
      const answer = await call<Record<string, unknown>>(path, method);
      setState({ busy: false, said: done(answer), failed: false });
      after?.();
    } catch (error) {
      setState({ busy: false, said: sentenceOf(error), failed: true });
    }
  };
  return html`<span class="action">
    <button type="button" class=${kind} disabled=${state.busy || disabled} onClick=${act}>${label}</button>
    <output class=${state.failed ? 'bad' : ''}>${state.said}</output>
  </span>`;
}

export const JobLink = ({ id }: { id: string }) => html`<a class="mono" href=${`#/jobs/${id}`}>${id}</a>`;
