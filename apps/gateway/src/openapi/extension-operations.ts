/** Routes of Triton's extensions that are no inference: settings of the log and of traces, and shared memory. */
import {
  logSettings,
  noRegions,
  nothing,
  SAMPLE_LOG_CHANGE,
  logChange,
  traceChange,
  traceSetting,
} from './extension-schemas.ts';
import { jsonBody, type Operation, type Parameter, told } from './operation.ts';
import { model } from './parameters.ts';
import { z } from 'zod';

const TAG = 'Settings';
const BODY_FAILURES = ['bad_request', 'too_large', 'unsupported_encoding'] as const;

const region: Parameter = {
  name: 'region',
  in: 'path',
  description: 'Name of a shared memory region.',
  schema: z.string().min(1),
  example: 'weights',
};

const settings = { tag: TAG, errors: 'triton' } as const;

function traceOperations(path: string, suffix: string, parameters: readonly Parameter[]): Operation[] {
  const unknown = parameters.length > 0 ? (['not_found', 'model_not_found'] as const) : [];
  return [
    {
      ...settings,
      method: 'get',
      path,
      id: `getTraceSetting${suffix}`,
      summary: 'Whether requests are traced by this extension',
      parameters,
      answers: [told(200, 'They are not.', traceSetting)],
      failures: unknown,
    },
    {
      ...settings,
      method: 'post',
      path,
      id: `setTraceSetting${suffix}`,
      summary: 'Leave tracing off',
      description: 'Anything but OFF is refused.',
      parameters,
      body: jsonBody(traceChange, { trace_level: ['OFF'] }, 'What is left out stays as it is.', false),
      answers: [told(200, 'The settings.', traceSetting)],
      failures: [...unknown, ...BODY_FAILURES],
    },
  ];
}

function memoryOperations(path: string, kind: 'system' | 'cuda'): Operation[] {
  const base = `/v2/${path}`;
  const id = `${kind}SharedMemory`;
  const failures = BODY_FAILURES.filter((code) => code !== 'bad_request');
  return [
    {
      ...settings,
      method: 'get',
      path: `${base}/status`,
      id: `${id}Status`,
      summary: `The ${kind} shared memory regions: none`,
      answers: [told(200, 'There are none.', noRegions)],
    },
    {
      ...settings,
      method: 'post',
      path: `${base}/unregister`,
      id: `${id}UnregisterAll`,
      summary: `Have no ${kind} shared memory region`,
      answers: [told(200, 'There is none.', nothing)],
      failures,
    },
    {
      ...settings,
      method: 'post',
      path: `${base}/region/{region}/unregister`,
      id: `${id}Unregister`,
      summary: `Not have a ${kind} shared memory region`,
      parameters: [region],
      answers: [told(200, 'It is not there.', nothing)],
      failures: ['not_found', ...failures],
    },
  ];
}

/**
 * Routes that only refuse are not described: `…/region/{region}/status` is always 404, `…/region/{region}/register` always
 * 400 with the reason.
 */
export const EXTENSION_OPERATIONS: readonly Operation[] = [
  {
    ...settings,
    method: 'get',
    path: '/v2/logging',
    id: 'getLogSettings',
    summary: 'What the log of this gateway shows',
    answers: [told(200, 'Its settings.', logSettings)],
  },
  {
    ...settings,
    method: 'post',
    path: '/v2/logging',
    id: 'setLogSettings',
    summary: 'Change what the log of this gateway shows',
    description:
      'Until it ends; other processes keep theirs. The levels are in order: errors, warnings, information, two of verbosity; each needs those before it, and what is not given follows what is. Log file and format cannot be changed.',
    body: jsonBody(logChange, SAMPLE_LOG_CHANGE, 'What is left out stays as it is.', false),
    answers: [told(200, 'The settings as they are now.', logSettings)],
    failures: BODY_FAILURES,
  },
  ...traceOperations('/v2/trace/setting', '', []),
  ...traceOperations('/v2/models/{model}/trace/setting', 'OfModel', [model]),
  ...memoryOperations('systemsharedmemory', 'system'),
  ...memoryOperations('cudasharedmemory', 'cuda'),
];
