/** One request of each kind, before any load: what is refused now would be refused all the time. */
import type { LoadPlan } from '../plan/load-plan.ts';
import { buildRequest } from '../plan/request-bytes.ts';
import { createClient, type Outcome } from '../send/client.ts';
import { detailOf } from './ask-system.ts';

/** Busy, not wrong. */
const PASSING = [200, 503];

async function sendOne(plan: LoadPlan, bytes: Buffer): Promise<Outcome> {
  let done: (outcome: Outcome) => void = () => undefined;
  const outcome = new Promise<Outcome>((resolve) => (done = resolve));
  const client = createClient({ address: plan.target, maxConnections: 1, bytesOf: () => bytes }, (one) => done(one));
  client.request(performance.now());
  const timer = setTimeout(() => client.expire(Number.POSITIVE_INFINITY, 'no answer'), plan.timeoutMs);
  try {
    return await outcome;
  } finally {
    clearTimeout(timer);
    client.close();
  }
}

/** @returns the fewest different inputs that a kind has. @throws Error with what the system says */
export async function tryKinds(plan: LoadPlan): Promise<number> {
  let distinct = Number.POSITIVE_INFINITY;
  for (const kind of plan.kinds) {
    const request = buildRequest(kind, plan);
    distinct = Math.min(distinct, request.distinct);
    const { status, text } = await sendOne(plan, request.stamped(plan.stampFrom));
    if (PASSING.includes(status)) continue;
    const { host, port } = plan.target;
    if (status === 0) throw new Error(`${host}:${port} does not answer a request for ${kind.name}: ${text}`);
    throw new Error(`a request for ${kind.name} is answered with ${status}: ${detailOf(text)}`);
  }
  return distinct;
}
