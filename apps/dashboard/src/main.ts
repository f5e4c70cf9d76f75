/** The page: what is shown follows the address behind the `#`, so that every view can be linked to. */
import { html, render } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';

import { usePolled } from './api.ts';
import { healthOf } from './health-sentence.ts';
import { useLive, type Live } from './live.ts';
import { Alerts } from './sections/alerts.ts';
import { Failures } from './sections/failures.ts';
import { JobPage } from './sections/job.ts';
import { Jobs } from './sections/jobs.ts';
import { LoadTests } from './sections/load-test.ts';
import { Overview } from './sections/overview.ts';
import { Playground } from './sections/playground.ts';
import { Workers } from './sections/workers.ts';

const VIEWS = [
  ['', 'Overview'],
  ['jobs', 'Jobs'],
  ['workers', 'Workers'],
  ['failures', 'Failures'],
  ['alerts', 'Alerts'],
  ['playground', 'Playground'],
  ['loadtest', 'Load test'],
] as const;
const THEMES = ['auto', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];

function useHash(): string {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = (): void => setHash(location.hash);
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return hash;
}

/** The theme that was chosen, and a word that changes whenever the colours do. */
function useTheme(): { theme: Theme; drawn: string; next: () => void } {
  const known = THEMES.find((one) => one === localStorage.getItem('theme')) ?? 'auto';
  const [theme, setTheme] = useState<Theme>(known);
  const query = matchMedia('(prefers-color-scheme: dark)');
  const [dark, setDark] = useState(query.matches);
  useEffect(() => {
    const changed = (): void => setDark(query.matches);
    query.addEventListener('change', changed);
    return () => query.removeEventListener('change', changed);
  }, []);
  document.documentElement.dataset['theme'] = theme === 'auto' ? (dark ? 'dark' : 'light') : theme;
  const next = (): void => {
    const following = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'auto';
    localStorage.setItem('theme', following);
    setTheme(following);
  };
  return { theme, drawn: `${theme} ${dark}`, next };
}

/** Who has signed in; undefined where nobody has to. */
function signedIn(): string | undefined {
  const [, name] = /(?:^|; )batchyard_name=([^;]+)/.exec(document.cookie) ?? [];
  return name === undefined ? undefined : decodeURIComponent(name);
}

type ViewProps = { hash: string; live: Live; drawn: string };
function View({ hash, live, drawn }: ViewProps) {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [view, id] = path.split('/');
  const publicUrl = usePolled<{ public_url: string }>(view === 'jobs' ? '/v1/models' : undefined, 60_000).value
    ?.public_url;
  switch (view) {
    case 'jobs':
      if (id) return html`<${JobPage} key=${id} id=${id} publicUrl=${publicUrl ?? ''} />`;
      return html`<${Jobs} key=${query} query=${new URLSearchParams(query)} />`;
    case 'workers':
      return html`<${Workers} />`;
    case 'failures':
      return html`<${Failures} />`;
    case 'alerts':
      return html`<${Alerts} live=${live} />`;
    case 'playground':
      return html`<${Playground} />`;
    case 'loadtest':
      return html`<${LoadTests} />`;
    default:
      return html`<${Overview} live=${live} theme=${drawn} />`;
  }
}

function Page() {
  const live = useLive();
  const hash = useHash();
  const { theme, drawn, next } = useTheme();
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  const sample = live.samples.at(-1);
  const health = healthOf(sample, now);
  const current = hash.replace(/^#\/?/, '').split(/[/?]/)[0] ?? '';
  const alerts = sample?.alerts.length ?? 0;
  const user = signedIn();
  const skip = (event: Event): void => {
    event.preventDefault();
    document.getElementById('main')?.focus();
  };
  return html`<a class="skip" href="#/" onClick=${skip}>To the content</a>
    <header class="top">
      <a class="brand" href="#/">Batchyard</a>
      <nav aria-label="Views">
        ${VIEWS.map(
          ([path, name]) =>
            html`<a href=${`#/${path}`} aria-current=${current === path ? 'page' : undefined}
              >${name}${path === 'alerts' && alerts > 0 ? html` <span class="badge critical">${alerts}</span>` : ''}</a
            >`,
        )}<a href="/board">Bull Board</a>
      </nav>
      <span class="right">
        <span
          class=${`dot ${live.connected ? 'good' : 'critical'}`}
          role="status"
          title=${live.connected ? 'live' : 'the stream is interrupted'}
          >${live.connected ? 'live' : 'reconnecting'}</span
        >
        <button type="button" onClick=${next} title="Colours">${theme}</button>
        ${user === undefined ? '' : html`<a href="/login" title="Signed in; sign out here">${user}</a>`}
      </span>
    </header>
    <p class=${`health ${health.level}`} role="status" aria-live="polite">${health.sentence}</p>
    <main id="main" tabindex="-1"><${View} hash=${hash} live=${live} drawn=${drawn} /></main>`;
}

const root = document.getElementById('app');
if (root) {
  root.textContent = '';
  render(html`<${Page} />`, root);
}
