/** Operations routes of API keys. */
import { apiKeySchema, keyTermsSchema } from '@batchyard/shared/contract/api-key';
import { z } from 'zod';

import { jsonBody, type Operation, told } from './operation.ts';

const TAG = 'Keys';
const FAILURES = ['queue_unavailable', 'internal'] as const;

const listedKey = z
  .object({
    ...apiKeySchema.omit({ sha256: true }).shape,
    created_at: z.iso.datetime(),
    source: z.enum(['redis', 'file']).describe('`file`: of `BATCHYARD_API_KEYS_FILE`.'),
  })
  .meta({ description: 'An API key, without its secret.' });
const keyList = z.object({ keys: z.array(listedKey) });
const keyMade = z
  .object({ ...listedKey.shape, secret: z.string().describe('Shown this once.') })
  .meta({ description: 'A new API key.' });
const keyRevoked = z.object({ id: z.string(), revoked: z.literal(true) });

export const keySchemas = { Key: listedKey, KeyList: keyList, KeyMade: keyMade, KeyTerms: keyTermsSchema };

export const KEY_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/v1/keys',
    id: 'listKeys',
    tag: TAG,
    summary: 'API keys, without their secrets',
    answers: [told(200, 'Those of the file, and those made here, the oldest first.', keyList)],
    failures: FAILURES,
  },
  {
    method: 'post',
    path: '/v1/keys',
    id: 'makeKey',
    tag: TAG,
    summary: 'Make an API key',
    description:
      'It counts on every gateway within a second or two. While there are no keys this is the first one, and must have the scope `admin`: from then on both listeners ask for one.',
    body: jsonBody(
      keyTermsSchema,
      { name: 'router', tenant: 'acme', scopes: ['infer'], classes: ['normal', 'low'], rate: { rows_per_second: 500 } },
      'What it may do.',
    ),
    answers: [told(201, 'The key, with its secret.', keyMade)],
    failures: ['bad_request', 'conflict', 'too_large', 'unsupported_encoding', ...FAILURES],
  },
  {
    method: 'delete',
    path: '/v1/keys/{id}',
    id: 'revokeKey',
    tag: TAG,
    summary: 'Revoke an API key',
    description:
      'Every gateway refuses it within five seconds. The last one of the scope `admin` cannot be revoked while there are others.',
    parameters: [
      {
        name: 'id',
        in: 'path',
        description: 'Id of the key, as in the list.',
        schema: z.string(),
        example: 'k_0123456789abcdef',
      },
    ],
    answers: [told(200, 'It is revoked.', keyRevoked)],
    failures: ['not_found', 'conflict', ...FAILURES],
  },
];
