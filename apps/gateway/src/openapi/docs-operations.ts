/** The two routes that every listener has about itself. */
import { z } from 'zod';

import { type Answer, JSON_TYPE, type Operation } from './operation.ts';
import { ifNoneMatch } from './parameters.ts';

export const UNCHANGED: Answer = { status: 304, description: 'It is as it was.', headers: ['ETag'] };

export const DOCS_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/openapi.json',
    id: 'getApiDocument',
    tag: 'Documentation',
    summary: 'This interface as an OpenAPI document',
    parameters: [ifNoneMatch],
    answers: [
      {
        status: 200,
        description: 'OpenAPI 3.1.',
        content: [{ type: JSON_TYPE, schema: z.looseObject({ openapi: z.string() }) }],
        headers: ['ETag'],
      },
      UNCHANGED,
    ],
  },
  {
    method: 'get',
    path: '/docs',
    id: 'getApiPage',
    tag: 'Documentation',
    summary: 'This interface as a page',
    parameters: [ifNoneMatch],
    answers: [
      {
        status: 200,
        description: 'HTML, without scripts.',
        content: [{ type: 'text/html', schema: z.string() }],
        headers: ['ETag'],
      },
      UNCHANGED,
    ],
  },
];
