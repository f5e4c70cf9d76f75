/**
 * What the stream of events tells: samples of the last ten minutes and the latest events. Bounded, so that a page that is
 * left open for days holds no more than one that was just opened.
 */
import { useEffect, useState } from 'preact/hooks';

import type { ClusterEvent, Sample } from './types.ts';

const SAMPLES = 600;
const EVENTS = 200;
const KINDS = ['scale', 'drain', 'deploy', 'kill', 'alert', 'steer', 'tune', 'audit'];

export type Live = {
  readonly samples: readonly Sample[];
  readonly events: readonly ClusterEvent[];
  readonly connected: boolean;
};

function added<T>(all: readonly T[], one: T, most: number): T[] {
  const next = all.length >= most ? all.slice(all.length - most + 1) : all.slice();
  next.push(one);
  return next;
}

export function useLive(): Live {
  const [live, setLive] = useState<Live>({ samples: [], events: [], connected: false });
  useEffect(() => {
    const source = new EventSource('/v1/events');
    source.addEventListener('open', () => setLive((now) => ({ ...now, connected: true })));
    source.addEventListener('error', () => setLive((now) => ({ ...now, connected: false })));
    source.addEventListener('sample', ({ data }: MessageEvent<string>) => {
      const sample = JSON.parse(data) as Sample;
      setLive((now) => {
        const last = now.samples.at(-1);
        if (last && sample.at_ms <= last.at_ms) return now;
        return { ...now, samples: added(now.samples, sample, SAMPLES) };
      });
    });
    for (const kind of KINDS)
      source.addEventListener(kind, ({ data }: MessageEvent<string>) => {
        const event = JSON.parse(data) as ClusterEvent;
        setLive((now) =>
          now.events.some(({ id }) => id === event.id) ? now : { ...now, events: added(now.events, event, EVENTS) },
        );
      });
    void fetch('/v1/performance/history?window=10m')
      .then(async (answer) => (answer.ok ? ((await answer.json()) as { samples: Sample[] }).samples : []))
      .then((earlier) =>
        setLive((now) => {
          const first = now.samples[0]?.at_ms ?? Number.POSITIVE_INFINITY;
          const older = earlier.filter(({ at_ms }) => at_ms < first);
          return { ...now, samples: [...older, ...now.samples].slice(-SAMPLES) };
        }),
      )
      .catch(() => undefined);
    return () => source.close();
  }, []);
  return live;
}
