import assert from 'node:assert/strict';
import { test } from 'node:test';

import { z } from 'zod';

import { settingsOf, unknownNames } from './settings.ts';

test('names and defaults are told as they would be written, whatever becomes of them', () => {
  const schema = z.object({
    PORT: z.coerce.number().int().default(8000),
    BATCHYARD_WORKERS: z
      .string()
      .default('1')
      .transform((text) => ({ count: Number(text) })),
    BATCHYARD_OPS_TOKEN: z.string().regex(/^x/).optional(),
    BATCHYARD_FLAG: z.enum(['', '0', '1']).transform(Boolean).default(false),
    BATCHYARD_URL: z.url().optional(),
  });
  assert.deepEqual(settingsOf(schema), [
    { name: 'PORT', default: '8000' },
    { name: 'BATCHYARD_WORKERS', default: '1' },
    { name: 'BATCHYARD_OPS_TOKEN', default: undefined },
    { name: 'BATCHYARD_FLAG', default: 'false' },
    { name: 'BATCHYARD_URL', default: undefined },
  ]);
});

test('a name that nobody reads is told with the nearest that somebody does', () => {
  const known = ['BATCHYARD_WORKERS', 'BATCHYARD_CACHE', 'PORT'];
  assert.deepEqual(unknownNames(['BATCHYARD_WORKER', 'PORTS', 'BATCHYARD_CACHE'], known), [
    'BATCHYARD_WORKER is not a setting; the nearest one is BATCHYARD_WORKERS',
  ]);
});
