/**
 * API keys: what is kept of one, and what may be asked for a new one. Of the secret only its SHA-256 is kept; with 256 random bits
 * behind it nothing slower is needed, because there is nothing to guess.
 */
import { z } from 'zod';

import { PRIORITY_CLASSES } from './job.ts';

/** infer: requests and jobs. read: look at everything. admin: change it, and read. */
export const SCOPES = ['infer', 'read', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** What may be looked for in a key's text; the secret has 43 characters of base64url where Batchyard makes it. */
export const KEY_TEXT = /^byk_[A-Za-z0-9_-]{43,128}$/;
export const KEY_ID = /^k_[0-9a-f]{16}$/;

/** Who has no tenant of its own shares this one with all others of that kind. */
export const NO_TENANT = '-';
const TENANT = /^(-|[A-Za-z0-9][A-Za-z0-9_.-]{0,63})$/;

export const MOST_KEYS = 1_000;
export const MOST_RATE = 1_000_000;

const rateSchema = z.strictObject({
  rows_per_second: z.number().positive().max(MOST_RATE).describe('Rows of the batch axis, over all gateways.'),
  burst: z
    .int()
    .min(1)
    .max(10 * MOST_RATE)
    .optional()
    .describe('Rows that may come at once; those of a second where it is left out.'),
});
export type Rate = z.infer<typeof rateSchema>;

/** What a key may do, as it is asked for. */
export const keyTermsSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[\w .@/-]{1,64}$/)
    .describe('For people: letters, digits, spaces and `_ . @ / -`.'),
  tenant: z.string().regex(TENANT).default(NO_TENANT).describe("Whose jobs it sees; `-`: nobody's in particular."),
  scopes: z.array(z.enum(SCOPES)).min(1).max(SCOPES.length).describe('`admin` includes `read`.'),
  classes: z
    .array(z.enum(PRIORITY_CLASSES))
    .min(1)
    .max(PRIORITY_CLASSES.length)
    .optional()
    .describe('The priority classes that it may use; all where they are left out.'),
  rate: rateSchema.optional().describe('Without one nothing but the queue bounds it.'),
});
export type KeyTerms = z.infer<typeof keyTermsSchema>;

/** As it is kept. Unknown fields are of a newer version, and left out. */
export const apiKeySchema = z.object({
  ...keyTermsSchema.shape,
  id: z.string().regex(KEY_ID),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  created_at: z.string(),
});
export type ApiKey = z.infer<typeof apiKeySchema>;

/** A key of this hash has this id: so the text of a key says which one it is, and nothing of it is public. */
export const keyIdOf = (sha256: string): string => `k_${sha256.slice(0, 16)}`;

/** The rows that may come at once. */
export const burstOf = ({ rows_per_second, burst }: Rate): number => burst ?? Math.max(1, Math.ceil(rows_per_second));

/** @returns why nobody could come in, or make another key, if these were all keys; undefined where somebody can */
export function lockedOut(keys: readonly Pick<ApiKey, 'scopes'>[]): string | undefined {
  if (keys.some(({ scopes }) => scopes.includes('admin'))) return undefined;
  return keys.length === 0
    ? 'without a key nobody could come in any more'
    : 'without a key of the scope admin nobody could make or revoke one any more';
}
