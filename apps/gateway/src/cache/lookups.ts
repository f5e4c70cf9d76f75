/** How lookups end, by queue: counted, and told to the decision whether more of them are worth it. */
import { createBypass, type Bypass } from './bypass.ts';

export function createLookups() {
  const lines = new Map<string, { readonly bypass: Bypass; hits: number; misses: number }>();
  function lineOf(queue: string) {
    const known = lines.get(queue);
    if (known) return known;
    const line = { bypass: createBypass(), hits: 0, misses: 0 };
    lines.set(queue, line);
    return line;
  }
  return {
    worthIt: (queue: string, nowMs: number): boolean => lineOf(queue).bypass.looks(nowMs),
    ended(queue: string, hit: boolean, nowMs: number): void {
      const line = lineOf(queue);
      line.bypass.saw(hit, nowMs);
      if (hit) line.hits += 1;
      else line.misses += 1;
    },
    passedBy: (queue: string): boolean => lines.get(queue)?.bypass.active() ?? false,
    queues: (): string[] => [...lines.keys()],
    bypassed: (): string[] => [...lines].filter(([, { bypass }]) => bypass.active()).map(([queue]) => queue),
    /** Since this gateway began. */
    counts: (): ReadonlyMap<string, { readonly hits: number; readonly misses: number }> =>
      new Map([...lines].map(([queue, { hits, misses }]) => [queue, { hits, misses }])),
  };
}
