/** How lookups end, by queue: counted, and told to the decision whether more of them are worth it. */
import { createBypass, type Bypass } from './bypass.ts';

/** `…Ms`: what they took in all, a miss as far as looking into this gateway goes. */
type Line = { readonly bypass: Bypass; hits: number; misses: number; hitMs: number; missMs: number };
/** Of a lookup: when it ended, and how long it took. */
type Moment = { readonly nowMs: number; readonly tookMs: number };

export function createLookups() {
  const lines = new Map<string, Line>();
  function lineOf(queue: string) {
    const known = lines.get(queue);
    if (known) return known;
    const line = { bypass: createBypass(), hits: 0, misses: 0, hitMs: 0, missMs: 0 };
    lines.set(queue, line);
    return line;
  }
  return {
    worthIt: (queue: string, nowMs: number): boolean => lineOf(queue).bypass.looks(nowMs),
    ended(queue: string, hit: boolean, { nowMs, tookMs }: Moment): void {
      const line = lineOf(queue);
      line.bypass.saw(hit, nowMs);
      if (hit) {
        line.hits += 1;
        line.hitMs += tookMs;
      } else {
        line.misses += 1;
        line.missMs += tookMs;
      }
    },
    passedBy: (queue: string): boolean => lines.get(queue)?.bypass.active() ?? false,
    queues: (): string[] => [...lines.keys()],
    bypassed: (): string[] => [...lines].filter(([, { bypass }]) => bypass.active()).map(([queue]) => queue),
    /** Since this gateway began. */
    counts: (): ReadonlyMap<string, Readonly<Omit<Line, 'bypass'>>> =>
      new Map([...lines].map(([queue, { bypass: _bypass, ...counts }]) => [queue, counts])),
  };
}
