/** Jobs of a running system: submitted, looked at, fetched. */
import assert from 'node:assert/strict';

import { post, type Answer } from './simple-client.ts';
import { until } from './system.ts';

export type JobLine = {
  readonly status: string;
  readonly deliveries: number;
  readonly worker?: string;
  readonly error?: { readonly code: string };
  readonly batch?: { readonly reason: string };
};

/** One input tensor of one row. */
export const oneRow = (name: string, datatype: string, values: readonly number[]): unknown => ({
  inputs: [{ name, shape: [1, values.length], datatype, data: values }],
});

/** @returns its id */
export async function submitJob(url: string, model: string, body: unknown, timeoutMs = 120_000): Promise<string> {
  const answer = await post(`${url}/v1/models/${model}/jobs`, body, { 'batchyard-timeout-ms': String(timeoutMs) });
  const accepted = (await answer.json()) as { id: string };
  assert.equal(answer.status, 202, JSON.stringify(accepted));
  return accepted.id;
}

const lookAt = async (url: string, id: string): Promise<JobLine> =>
  (await (await fetch(`${url}/v1/jobs/${id}`)).json()) as JobLine;

/** Waits until the job has ended. */
export async function ended(url: string, id: string, limitMs = 60_000): Promise<JobLine> {
  return until(
    `job ${id} has ended`,
    async () => {
      const line = await lookAt(url, id);
      return ['succeeded', 'failed', 'cancelled', 'expired'].includes(line.status) ? line : undefined;
    },
    limitMs,
  );
}

/** What a job that succeeded gave as its first output. */
export async function resultOf(url: string, id: string): Promise<readonly number[] | undefined> {
  const answer = await fetch(`${url}/v1/jobs/${id}/result`);
  const body = (await answer.json()) as Answer;
  assert.equal(answer.status, 200, JSON.stringify(body));
  return body.outputs[0]?.data;
}
