/** Callers that ask again as soon as they are answered, each on a connection of its own, and what they were answered. */
import { Agent, request as httpRequest } from 'node:http';

import { scaledBody } from './scaled-model.ts';

export type SteadyLoad = {
  /** Answers so far, by status; `error` where there was none. */
  counts(): Readonly<Record<string, number>>;
  /** By which factors `scaled` answered so far, and how often. */
  factors(): ReadonlyMap<number, number>;
  /** The first few texts of answers other than 200. */
  complaints(): readonly string[];
  stop(): Promise<void>;
};

type Answered = { readonly status: number; readonly text: string };

function ask(agent: Agent, url: URL, body: string): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest(
      url,
      { agent, method: 'POST', headers: { 'content-length': Buffer.byteLength(body) } },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => (text += part));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.on('error', reject);
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}

/** @param path of a `scaled` model, after `/v2/models/` */
export function startSteadyLoad(url: string, path: string, connections: number): SteadyLoad {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const target = new URL(`${url}/v2/models/${path}/infer`);
  const body = JSON.stringify(scaledBody(1));
  const counts: Record<string, number> = {};
  const factors = new Map<number, number>();
  const complaints: string[] = [];
  let stopped = false;

  async function caller(): Promise<void> {
    while (!stopped) {
      try {
        const { status, text } = await ask(agent, target, body);
        counts[status] = (counts[status] ?? 0) + 1;
        if (status === 200) {
          const factor = (JSON.parse(text) as { outputs: { data: number[] }[] }).outputs[0]?.data[0] ?? Number.NaN;
          factors.set(factor, (factors.get(factor) ?? 0) + 1);
        } else if (complaints.length < 5) complaints.push(`${status} ${text}`);
      } catch (error) {
        counts['error'] = (counts['error'] ?? 0) + 1;
        if (complaints.length < 5) complaints.push(String(error));
      }
    }
  }
  const callers = Array.from({ length: connections }, caller);
  return {
    counts: () => counts,
    factors: () => factors,
    complaints: () => complaints,
    async stop() {
      stopped = true;
      await Promise.all(callers);
      agent.destroy();
    },
  };
}
