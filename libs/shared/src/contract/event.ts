/** What happens to the cluster now and then, told to whoever watches it: each event in one sentence, with its figures. */
import { z } from 'zod';

/**
 * scale: workers come, go, or are asked for. drain: a worker finishes, takes no more, and may end. deploy: models come, change or go.
 * kill: a process died. alert: one is raised, told again or over. steer: who steers, or how. tune: a setting was changed
 * by a rule. audit: somebody has changed something through a route.
 */
export const EVENT_KINDS = ['scale', 'drain', 'deploy', 'kill', 'alert', 'steer', 'tune', 'audit'] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

const factSchema = z.union([z.string(), z.number(), z.boolean(), z.null()]);

/** `sentence` is for people; the rest are the figures and names that it speaks of. */
export const eventDetailSchema = z.object({ sentence: z.string() }).catchall(factSchema);
export type EventDetail = z.infer<typeof eventDetailSchema>;

export const clusterEventSchema = z.object({ kind: z.enum(EVENT_KINDS), detail: eventDetailSchema });
export type ClusterEvent = z.infer<typeof clusterEventSchema>;

/** The end of a worker: by itself, as it was told to, or not. */
export function workerEnded(worker: string, jobs: number, drained: boolean): ClusterEvent {
  if (!drained)
    return {
      kind: 'kill',
      detail: { sentence: `worker ${worker} is dead; ${jobs} of its jobs wait again`, worker, jobs },
    };
  const held = jobs === 0 ? '' : `; ${jobs} of its jobs wait again`;
  return { kind: 'drain', detail: { sentence: `worker ${worker} has drained and ended${held}`, worker, jobs } };
}

/** Events that Redis keeps, and the length of one as JSON; what is longer loses all but its sentence. */
export const EVENTS_KEPT = 1_000;
export const LONGEST_EVENT = 4_096;
const LONGEST_SENTENCE = 500;

/** As JSON that is no longer than allowed. */
export function eventText(kind: EventKind, detail: EventDetail): string {
  const text = JSON.stringify({ kind, detail } satisfies ClusterEvent);
  if (text.length <= LONGEST_EVENT) return text;
  return JSON.stringify({ kind, detail: { sentence: detail.sentence.slice(0, LONGEST_SENTENCE) } });
}
