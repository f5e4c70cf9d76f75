/** Throughput, latency and depth over the last minutes, one above the other with one time axis, and marks for what happened. */
import { html } from 'htm/preact';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';

import { clock, count, duration } from './format.ts';
import type { ClusterEvent, Sample } from './types.ts';

type Line = { readonly label: string; readonly colour: string; readonly of: (sample: Sample) => number | null };
type Panel = { readonly title: string; readonly show: (value: number) => string; readonly lines: readonly Line[] };

const MARKED = ['scale', 'drain', 'deploy', 'kill', 'alert', 'tune'];
const HEIGHT = 132;
const SYNC = 'batchyard';

const PANELS: readonly Panel[] = [
  {
    title: 'Throughput',
    show: (value) => `${count(value)}/s`,
    lines: [
      { label: 'requests', colour: '--line-1', of: (one) => one.requests_per_s },
      { label: 'rows', colour: '--line-2', of: (one) => one.rows_per_s },
    ],
  },
  {
    title: 'Latency',
    show: duration,
    lines: [
      { label: 'p50', colour: '--line-1', of: (one) => one.latency.all?.p50_ms ?? null },
      { label: 'p95', colour: '--line-2', of: (one) => one.latency.all?.p95_ms ?? null },
      { label: 'p99', colour: '--line-3', of: (one) => one.latency.all?.p99_ms ?? null },
    ],
  },
  {
    title: 'Queue',
    show: count,
    lines: [
      { label: 'waiting', colour: '--line-1', of: (one) => one.queue.depth },
      { label: 'running', colour: '--line-2', of: (one) => one.queue.active },
    ],
  },
];

const colourOf = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Draws a line for each event, with its kind on top where there is room. */
function drawMarks(plot: uPlot, events: readonly ClusterEvent[], named: boolean): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.font = `${10 * ratio}px system-ui, sans-serif`;
  ctx.lineWidth = ratio;
  let free = Number.NEGATIVE_INFINITY;
  for (const { at_ms: atMs, kind } of events) {
    const x = plot.valToPos(atMs / 1_000, 'x', true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = ctx.fillStyle = colourOf(`--mark-${kind}`) || colourOf('--mark');
    ctx.setLineDash([3 * ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    if (named && x > free) {
      ctx.fillText(kind, x + 3 * ratio, bbox.top + 9 * ratio);
      free = x + ctx.measureText(kind).width + 8 * ratio;
    }
  }
  ctx.restore();
}

function optionsFor(panel: Panel, width: number, marks: () => readonly ClusterEvent[]): uPlot.Options {
  const axis = { stroke: colourOf('--faint'), grid: { stroke: colourOf('--grid'), width: 1 }, ticks: { show: false } };
  return {
    width,
    height: HEIGHT,
    cursor: { sync: { key: SYNC }, y: false, drag: { x: false, y: false } },
    legend: { live: true },
    scales: { x: { time: true }, y: { range: (_plot, _min, max) => [0, Math.max(max * 1.15, 1)] } },
    axes: [
      {
        ...axis,
        size: 22,
        space: 80,
        values: (_plot, ticks) => ticks.map((tick) => clock(tick * 1_000)),
      },
      { ...axis, size: 58, space: 32, values: (_plot, ticks) => ticks.map((tick) => panel.show(tick)) },
    ],
    series: [
      { label: 'at', value: (_plot, value) => (value === null ? '' : clock(value * 1_000)) },
      ...panel.lines.map(({ label, colour }) => ({
        label,
        stroke: colourOf(colour),
        fill: panel.lines[0]?.colour === colour ? `${colourOf(colour)}22` : '',
        width: 1.5,
        points: { show: false },
        value: (_plot: uPlot, value: number | null) => (value === null ? '–' : panel.show(value)),
      })),
    ],
    hooks: { draw: [(plot) => drawMarks(plot, marks(), panel === PANELS[0])] },
  };
}

function dataOf(panel: Panel, samples: readonly Sample[]): uPlot.AlignedData {
  return [samples.map((one) => one.at_ms / 1_000), ...panel.lines.map(({ of }) => samples.map(of))];
}

type ChartsProps = { samples: readonly Sample[]; events: readonly ClusterEvent[]; theme: string };

/** @param theme a change of it draws everything anew */
export function Charts({ samples, events, theme }: ChartsProps) {
  const box = useRef<HTMLDivElement>(null);
  const plots = useRef<uPlot[]>([]);
  const marks = useRef<readonly ClusterEvent[]>([]);
  marks.current = events.filter(({ kind }) => MARKED.includes(kind));

  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const holders = Array.from(element.querySelectorAll<HTMLElement>('.plot'));
    const width = (): number => Math.max(240, holders[0]?.clientWidth ?? 0);
    plots.current = PANELS.map(
      (panel, i) =>
        new uPlot(
          optionsFor(panel, width(), () => marks.current),
          dataOf(panel, []),
          holders[i],
        ),
    );
    const observer = new ResizeObserver(() => {
      for (const plot of plots.current) plot.setSize({ width: width(), height: HEIGHT });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      for (const plot of plots.current) plot.destroy();
      plots.current = [];
    };
  }, [theme]);

  useEffect(() => {
    for (const [i, plot] of plots.current.entries()) {
      const panel = PANELS[i];
      if (panel) plot.setData(dataOf(panel, samples));
    }
  }, [samples, events, theme]);

  return html`<div class="charts" ref=${box}>
    ${PANELS.map(
      ({ title }) =>
        html`<figure class="chart" aria-label=${title}>
          <figcaption>${title}</figcaption>
          <div class="plot"></div>
        </figure>`,
    )}
  </div>`;
}
