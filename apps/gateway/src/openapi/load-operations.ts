/** Operations routes of load tests. */
import { loadAskSchema, loadRunSchema, loadSecondSchema, loadStepSchema } from '@batchyard/shared/contract/load-test';
import { z } from 'zod';

import { JSON_TYPE, jsonBody, streamed, told, type Operation } from './operation.ts';

const TAG = 'Load tests';
const run = loadRunSchema.meta({ description: 'A load test, and what it has found so far.' });
const list = z.object({
  running: run.nullable().describe('That this gateway runs.'),
  runs: z.array(run).describe('The last ones that have ended, the newest first.'),
});

export const LOAD_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/v1/loadtests',
    id: 'listLoadTests',
    tag: TAG,
    summary: 'The load test that runs, and the last ones',
    description:
      'With `Accept: text/event-stream` server-sent events: a `run` whenever there is news of the one that this gateway runs, several a second, and once when it has ended.',
    answers: [
      {
        status: 200,
        description: 'The list, or the stream.',
        content: [{ type: JSON_TYPE, schema: list }, streamed({ run })],
      },
    ],
    failures: ['overloaded', 'queue_unavailable', 'internal'],
  },
  {
    method: 'post',
    path: '/v1/loadtests',
    id: 'startLoadTest',
    tag: TAG,
    summary: 'Load a model, for a while',
    description:
      'In a process of its own beside this gateway; one at a time in the cluster. Without a rate or clients the capacity is looked for, and five rates around it are measured.',
    body: jsonBody(
      loadAskSchema,
      { model: 'simple', priority: 'normal', rate: 50, seconds: 5 },
      'What to send, and for how long.',
    ),
    answers: [told(202, 'It runs.', run)],
    failures: ['bad_request', 'too_large', 'unsupported_encoding', 'conflict', 'queue_unavailable', 'internal'],
  },
  {
    method: 'delete',
    path: '/v1/loadtests/{id}',
    id: 'stopLoadTest',
    tag: TAG,
    summary: 'Stop it',
    parameters: [
      { name: 'id', in: 'path', description: 'Of the one that runs.', schema: z.string(), example: '0a1b2c3d4e5f' },
    ],
    answers: [told(202, 'It ends within a moment; this is what it has found so far.', run)],
    failures: ['not_found', 'internal'],
  },
];

export const loadSchemas = {
  LoadTestAsk: loadAskSchema,
  LoadTestRun: run,
  LoadTestStep: loadStepSchema,
  LoadTestSecond: loadSecondSchema,
  LoadTestList: list,
};
