/**
 * A trace of arrivals: a line each, `ms[,kind]`, kind being the name of a kind of the mix; or a JSON object a line with
 * `at_ms` and `kind`. `#` begins a comment, and a first line of names is passed over.
 */
export type Trace = { readonly timesMs: readonly number[]; readonly kinds: readonly (string | undefined)[] };

export const MOST_ARRIVALS = 2_000_000;

function arrivalOf(line: string): { atMs: number; kind: string | undefined } {
  if (line.startsWith('{')) {
    const { at_ms: atMs, kind } = JSON.parse(line) as { at_ms?: unknown; kind?: unknown };
    return { atMs: Number(atMs), kind: typeof kind === 'string' ? kind : undefined };
  }
  const [atMs = '', kind] = line.split(',').map((cell) => cell.trim());
  return { atMs: Number(atMs === '' ? Number.NaN : atMs), kind: kind === undefined || kind === '' ? undefined : kind };
}

/** @returns arrivals in order, the first at 0. @throws Error that names the line */
export function parseTrace(text: string): Trace {
  const arrivals: { atMs: number; kind: string | undefined }[] = [];
  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.replace(/#.*$/, '').trim();
    if (line === '' || (arrivals.length === 0 && /^[a-z_]+(,[a-z_]+)*$/i.test(line))) continue;
    let arrival;
    try {
      arrival = arrivalOf(line);
    } catch {
      arrival = undefined;
    }
    if (!arrival || !Number.isFinite(arrival.atMs) || arrival.atMs < 0)
      throw new Error(`line ${i + 1} of the trace is no arrival: write ms, or ms,kind`);
    arrivals.push(arrival);
    if (arrivals.length > MOST_ARRIVALS) throw new Error(`the trace has more than ${MOST_ARRIVALS} arrivals`);
  }
  if (arrivals.length === 0) throw new Error('the trace has no arrivals');
  arrivals.sort((a, b) => a.atMs - b.atMs);
  const first = arrivals[0]?.atMs ?? 0;
  return { timesMs: arrivals.map(({ atMs }) => atMs - first), kinds: arrivals.map(({ kind }) => kind) };
}
