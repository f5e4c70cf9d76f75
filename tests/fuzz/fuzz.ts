/**
 * Sends the requests of a seed to a running system and judges every answer. The requests depend on the seed and their
 * index only, so any of them can be sent again alone; what they meet in the queue depends on the others.
 */
import { processesOf, rssBytes } from '../support/processes.ts';
import type { System } from '../support/system.ts';
import { makeCase, type FuzzCase, type Kind } from './cases.ts';
import { createLane } from './lane.ts';
import { violation } from './verdict.ts';

export type Violation = { readonly index: number; readonly kind: Kind; readonly what: string; readonly bytes: Buffer };
export type Tally = {
  /** How often each kind got each status; `closed` where no answer came. */
  readonly counts: Map<Kind, Map<string, number>>;
  readonly violations: Violation[];
  /** Fewer than were asked for where it was ended by violations. */
  readonly sent: number;
  readonly seconds: number;
  readonly rssBefore: number;
  readonly rssAfter: number;
};
export type Plan = {
  readonly seed: number;
  readonly from: number;
  readonly requests: number;
  readonly connections: number;
  readonly progress?: (done: number, rss: number) => void;
};

const MOST_VIOLATIONS = 10;

export async function fuzz(system: System, { seed, from, requests, connections, progress }: Plan): Promise<Tally> {
  const port = Number(new URL(system.url).port);
  const processes = (): string => [...processesOf(system, 'gateway'), ...processesOf(system, 'worker')].join(' ');
  const [gateway = 0] = processesOf(system, 'gateway');
  const first = processes();
  const rssBefore = rssBytes(gateway);
  const counts: Tally['counts'] = new Map();
  const violations: Violation[] = [];
  let index = from;

  function count(kind: Kind, status: string): void {
    const row = counts.get(kind) ?? new Map<string, number>();
    counts.set(kind, row.set(status, (row.get(status) ?? 0) + 1));
  }
  async function judge(lane: ReturnType<typeof createLane>, request: FuzzCase): Promise<void> {
    const { kind, bytes, framed, check, next } = request;
    const { answers, problem } = await lane.send(bytes, framed);
    const add = (what: string): void => void violations.push({ index: request.index, kind, what, bytes });
    if (problem !== undefined) add(problem);
    if (answers.length === 0) count(kind, 'closed');
    for (const answer of answers) {
      count(kind, String(answer.status));
      const wrong = violation(answer);
      if (wrong !== undefined) add(wrong);
    }
    const [answer] = answers;
    if (!answer || problem !== undefined) return;
    try {
      check?.(answer);
      const following = next?.(answer);
      if (following) await judge(lane, following);
    } catch (error) {
      add(error instanceof Error ? error.message : String(error));
    }
  }
  async function work(): Promise<void> {
    const lane = createLane(port);
    while (index < from + requests && violations.length < MOST_VIOLATIONS) {
      const mine = index++;
      await judge(lane, makeCase(seed, mine));
      if ((mine - from + 1) % 1_000 === 0) {
        if (processes() !== first)
          throw new Error(`a process ended near request ${mine}: ${system.output().slice(-500)}`);
        progress?.(mine - from + 1, rssBytes(gateway));
      }
    }
    lane.close();
  }

  const started = performance.now();
  await Promise.all(Array.from({ length: connections }, work));
  const seconds = (performance.now() - started) / 1000;
  if (processes() !== first) throw new Error(`a process ended: ${system.output().slice(-500)}`);
  return { counts, violations, sent: index - from, seconds, rssBefore, rssAfter: rssBytes(gateway) };
}
