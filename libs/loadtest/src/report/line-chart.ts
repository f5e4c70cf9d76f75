/** Line charts side by side as one self-contained SVG; each axis is logarithmic or linear. */

export type Line = { readonly label: string; readonly points: readonly (readonly [x: number, y: number])[] };
export type Chart = {
  readonly title: string;
  readonly xLabel: string;
  readonly xTicks: readonly number[];
  readonly yTicks: readonly number[];
  /** True where it is not given. */
  readonly logX?: boolean;
  readonly logY: boolean;
  readonly lines: readonly Line[];
};

const WIDTH = 400;
const HEIGHT = 320;
const EDGE = { left: 52, right: 16, top: 36, bottom: 74 };
const COLOURS = ['#1f6feb', '#d1242f', '#1a7f37', '#9a6700', '#8250df', '#57606a'];

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
const px = (value: number): string => value.toFixed(1);

/** Maps a value onto pixels; what lies outside is drawn at the edge. */
function scale(ticks: readonly number[], isLog: boolean, from: number, to: number): (value: number) => number {
  const of = (value: number): number => (isLog ? Math.log(value) : value);
  const [low, high] = [Math.min(...ticks), Math.max(...ticks)];
  return (value) => {
    const clamped = Math.max(low, Math.min(high, value));
    return from + ((of(clamped) - of(low)) / (of(high) - of(low))) * (to - from);
  };
}

function drawChart({ title, xLabel, xTicks, yTicks, logX = true, logY, lines }: Chart, left: number): string {
  const [x0, x1] = [left + EDGE.left, left + WIDTH - EDGE.right];
  const [y0, y1] = [HEIGHT - EDGE.bottom, EDGE.top];
  const x = scale(xTicks, logX, x0, x1);
  const y = scale(yTicks, logY, y0, y1);
  const parts = [`<text x="${px(x0)}" y="20" class="title">${escape(title)}</text>`];
  for (const tick of yTicks) {
    parts.push(`<line x1="${px(x0)}" x2="${px(x1)}" y1="${px(y(tick))}" y2="${px(y(tick))}" class="grid"/>`);
    parts.push(`<text x="${px(x0 - 6)}" y="${px(y(tick) + 4)}" class="end">${tick}</text>`);
  }
  for (const tick of xTicks) {
    parts.push(`<line x1="${px(x(tick))}" x2="${px(x(tick))}" y1="${px(y0)}" y2="${px(y1)}" class="grid"/>`);
    parts.push(`<text x="${px(x(tick))}" y="${px(y0 + 16)}" class="middle">${tick}</text>`);
  }
  parts.push(`<text x="${px((x0 + x1) / 2)}" y="${px(y0 + 32)}" class="middle">${escape(xLabel)}</text>`);
  for (const [i, { label, points }] of lines.entries()) {
    const colour = COLOURS[i % COLOURS.length] ?? 'black';
    const drawn = points.filter(([, value]) => Number.isFinite(value));
    const path = drawn.map(([at, value]) => `${px(x(at))},${px(y(value))}`);
    parts.push(`<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    for (const [at, value] of drawn) {
      parts.push(`<circle cx="${px(x(at))}" cy="${px(y(value))}" r="3" fill="${colour}"/>`);
    }
    const [legendX, legendY] = [x0 + (i % 4) * 84, y0 + 50 + Math.floor(i / 4) * 16];
    parts.push(`<rect x="${px(legendX)}" y="${px(legendY - 8)}" width="10" height="10" fill="${colour}"/>`);
    parts.push(`<text x="${px(legendX + 14)}" y="${px(legendY + 1)}">${escape(label)}</text>`);
  }
  return parts.join('\n');
}

const STYLE =
  'text{font:12px sans-serif;fill:#24292f}.title{font-weight:bold}.end{text-anchor:end}.middle{text-anchor:middle}.grid{stroke:#d0d7de}';

export function drawCharts(charts: readonly Chart[]): string {
  const width = WIDTH * charts.length;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${HEIGHT}" width="${width}" height="${HEIGHT}">`,
    `<style>${STYLE}</style>`,
    `<rect width="${width}" height="${HEIGHT}" fill="white"/>`,
    ...charts.map((chart, i) => drawChart(chart, i * WIDTH)),
    '</svg>',
    '',
  ].join('\n');
}
