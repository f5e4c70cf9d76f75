/**
 * Open loop of everything that is no plain request: durable jobs whose result is fetched, abandoned or cancelled, callers
 * that hang up, and requests that must be refused. Few a second, so that node's own HTTP client is good enough.
 */
import { Agent, request, type IncomingMessage } from 'node:http';

import { createRandom } from '@batchyard/loadtest/plan/random';
import { createArrivals } from '@batchyard/loadtest/plan/arrivals';
import { buildRequest, type RequestSpec, type RequestTemplate } from './requests.ts';

export type JobKind = 'fetched' | 'abandoned' | 'cancelled' | 'hung up' | 'bad';
export type OfferedJobs = { readonly kind: JobKind; readonly rate: number; readonly spec: RequestSpec };
export type JobLoad = {
  readonly port: number;
  readonly seconds: number;
  readonly seed: number;
  readonly jobs: readonly OfferedJobs[];
};
/** How often each way was gone to its end, was told to come back later, and met with what is not on it. */
export type JobResult = {
  readonly ended: Readonly<Record<JobKind, number>>;
  readonly refused: number;
  readonly unexpected: Readonly<Record<string, number>>;
};

type Sent = {
  readonly method: string;
  readonly path: string;
  readonly template?: RequestTemplate;
  readonly body?: Buffer;
};
type Answered = { readonly status: number; readonly body: string };

const TICK_MS = 5;
const HANG_UP_MS = 3;
const WAIT_S = 10;
/** Whatever happens, a way is gone to its end within this. */
const LIMIT_MS = 30_000;
const MAX_SOCKETS = 64;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Bodies that no model takes, and what is said to each. */
const BAD: readonly { body: Buffer; status: number }[] = [
  { body: Buffer.from('{"inputs":[{"name":"INPUT",'), status: 400 },
  { body: Buffer.from('{"inputs":[{"name":"INPUT","datatype":"FP32","shape":[1,3],"data":[1,2,3]}]}'), status: 400 },
  { body: Buffer.from('{"inputs":[{"name":"OTHER","datatype":"FP32","shape":[1,1],"data":[1]}]}'), status: 400 },
  { body: Buffer.alloc(9 * 1_048_576, 32), status: 413 },
];

function createAsk(port: number, agent: Agent) {
  return function ask({ method, path, template, body }: Sent, hangUpMs?: number): Promise<Answered> {
    const bytes = body ?? template?.bytes.subarray(template.bodyAt);
    const lines = template?.headers.map((line) => line.split(': ') as [string, string]) ?? [];
    const headers = { ...Object.fromEntries(lines), 'content-length': bytes?.byteLength ?? 0 };
    return new Promise((resolve, reject) => {
      const sent = request({ port, host: '127.0.0.1', agent, method, path, headers, timeout: LIMIT_MS });
      sent.on('response', (response: IncomingMessage) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString() }));
      });
      sent.on('timeout', () => sent.destroy(new Error('no answer')));
      sent.on('error', reject);
      // What is sent must not be stamped anew before it has left.
      sent.end(bytes && Buffer.from(bytes));
      if (hangUpMs !== undefined) setTimeout(() => sent.destroy(), hangUpMs);
    });
  };
}
type Ask = ReturnType<typeof createAsk>;

function expectStatus({ status, body }: Answered, ...expected: readonly number[]): void {
  if (!expected.includes(status)) throw new Error(`${status} ${body.slice(0, 100)}`);
}
const isRefusal = (error: unknown): boolean => error instanceof Error && error.message.startsWith('503 ');

/** Goes one way to its end. @throws Error where something is answered that is not on it */
function createWays(
  ask: Ask,
): Readonly<Record<JobKind, (spec: RequestSpec, template: RequestTemplate) => Promise<void>>> {
  let bad = 0;
  async function submit(spec: RequestSpec, template: RequestTemplate): Promise<string> {
    const answered = await ask({ method: 'POST', path: `/v1/models/${spec.model}/jobs`, template });
    expectStatus(answered, 202);
    return (JSON.parse(answered.body) as { id: string }).id;
  }
  return {
    async fetched(spec, template) {
      const id = await submit(spec, template);
      const result = await ask({ method: 'GET', path: `/v1/jobs/${id}/result?wait=${WAIT_S}` });
      expectStatus(result, 200);
    },
    abandoned: async (spec, template) => void (await submit(spec, template)),
    async cancelled(spec, template) {
      const id = await submit(spec, template);
      expectStatus(await ask({ method: 'DELETE', path: `/v1/jobs/${id}` }), 200, 202, 409);
    },
    async 'hung up'(spec, template) {
      const path = `/v2/models/${spec.model}/infer`;
      await ask({ method: 'POST', path, template }, HANG_UP_MS).catch(() => undefined);
    },
    async bad(spec) {
      const { body, status } = BAD[(bad += 1) % BAD.length] ?? { body: Buffer.alloc(0), status: 400 };
      // A body that is refused unread may be cut off while it is sent.
      const answered = await ask({ method: 'POST', path: `/v2/models/${spec.model}/infer`, body }).catch(
        (error: unknown) => {
          if (status === 413) return undefined;
          throw error;
        },
      );
      if (answered) expectStatus(answered, status);
    },
  };
}

/** Resolves when every way was gone to its end. */
export async function runJobLoad({ port, seconds, seed, jobs }: JobLoad): Promise<JobResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  const ways = createWays(createAsk(port, agent));
  const templates = jobs.map(({ spec }, i) => buildRequest(spec, i));
  const ended: Record<JobKind, number> = { fetched: 0, abandoned: 0, cancelled: 0, 'hung up': 0, bad: 0 };
  const unexpected: Record<string, number> = {};
  const open = new Set<Promise<void>>();
  let [stamp, refused] = [500_000, 0];

  async function go({ kind, spec }: OfferedJobs, template: RequestTemplate): Promise<void> {
    template.stamp((stamp += 1));
    try {
      await ways[kind](spec, template);
      ended[kind] += 1;
    } catch (error) {
      if (isRefusal(error)) {
        refused += 1;
        return;
      }
      const why = `${kind}: ${error instanceof Error ? error.message : String(error)}`;
      unexpected[why] = (unexpected[why] ?? 0) + 1;
    }
  }
  const next = createArrivals(
    jobs.map(({ rate }) => rate),
    createRandom(seed),
  );
  const startAt = performance.now();
  for (let arrival = next(); arrival.atMs < 1000 * seconds;) {
    const now = performance.now() - startAt;
    for (; arrival.atMs <= Math.min(now, 1000 * seconds); arrival = next()) {
      const [offered, template] = [jobs[arrival.index], templates[arrival.index]];
      if (!offered || !template) continue;
      const going = go(offered, template).finally(() => open.delete(going));
      open.add(going);
    }
    await sleep(TICK_MS);
  }
  await Promise.all(open);
  agent.destroy();
  return { ended, refused, unexpected };
}
