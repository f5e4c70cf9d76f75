/** Which requests are the same: equal tensors, bit by bit, for the same file of the same model, asked for the same outputs. */
import { hash } from 'node:crypto';

import { NO_TENANT } from '@batchyard/shared/contract/api-key';
import type { Model } from '@batchyard/shared/contract/model';

const identities = new WeakMap<Model, string>();

/** The model itself: its file, and what of its configuration changes results. */
function identityOf(model: Model): string {
  const known = identities.get(model);
  if (known !== undefined) return known;
  const { name, version, sha256, signature } = model;
  const identity = hash('sha256', JSON.stringify([name, version, sha256, signature]), 'base64url');
  identities.set(model, identity);
  return identity;
}

/** What the keys of a queue begin with, whatever its model file. */
export const keyStart = (queue: string): string => `${queue}:`;

/**
 * @param generation how often the model's results were purged
 * @param input tensor blob of the request: positions, datatypes, shapes and bytes of its inputs, and the outputs asked for in
 *   their order. Its id, class, timeout and encoding are not in there, so they do not count.
 */
export function cacheKey(
  of: { model: Model; queue: string; tenant: string; generation: string },
  input: Uint8Array,
): string {
  const key = `${keyStart(of.queue)}${of.generation}:${identityOf(of.model)}:${hash('sha256', input, 'base64url')}`;
  // A hit tells that somebody has asked this before: so tenants share nothing, not even who computes it now.
  return of.tenant === NO_TENANT ? key : `${key}:${of.tenant}`;
}
