/**
 * `dynamic_batching` of a Triton model configuration (model_config.proto, ModelDynamicBatching and ModelQueuePolicy), with
 * Triton's own checks of it.
 */
import type { QueuePolicy, Queueing } from '@batchyard/shared/contract/queueing';

import { asCount, asFlag, asMessage, asText, ConfigError, one } from './text-fields.ts';
import type { TextMessage } from './text-proto.ts';

export type DynamicBatching = {
  /** Ascending, none twice. */
  readonly preferredRows: readonly number[];
  readonly maxQueueDelayMs: number;
  /** One of the two above is named. */
  readonly namesSizeOrDelay: boolean;
  /** Undefined where nothing of it is named. */
  readonly queueing: Queueing | undefined;
};

const WHERE = 'dynamic_batching';
const POLICY_FIELDS = ['priority_levels', 'default_priority_level', 'default_queue_policy', 'priority_queue_policy'];

function queuePolicy(message: TextMessage, where: string): QueuePolicy {
  const action = asText(one(message, 'timeout_action'), `${where}.timeout_action`) ?? 'REJECT';
  if (action !== 'REJECT' && action !== 'DELAY')
    throw new ConfigError(`${where}.timeout_action must be REJECT or DELAY`);
  const timeoutUs = asCount(one(message, 'default_timeout_microseconds'), `${where}.default_timeout_microseconds`) ?? 0;
  return {
    timeout_action: action,
    default_timeout_ms: timeoutUs / 1000,
    allow_timeout_override: asFlag(one(message, 'allow_timeout_override'), `${where}.allow_timeout_override`) ?? false,
    max_queue_size: asCount(one(message, 'max_queue_size'), `${where}.max_queue_size`) ?? 0,
  };
}

function policiesByLevel(batching: TextMessage, levels: number): Record<string, QueuePolicy> {
  const found: Record<string, QueuePolicy> = {};
  for (const entry of batching['priority_queue_policy'] ?? []) {
    const where = `${WHERE}.priority_queue_policy`;
    const message = asMessage(entry, where);
    const level = asCount(one(message, 'key'), `${where}.key`) ?? 0;
    if (level < 1 || level > levels) throw new ConfigError(`${where}.key must be 1 to priority_levels`);
    found[level] = queuePolicy(asMessage(one(message, 'value'), `${where}.value`) ?? {}, `${where}.value`);
  }
  return found;
}

function readQueueing(batching: TextMessage): Queueing | undefined {
  const ordered = asFlag(one(batching, 'preserve_ordering'), `${WHERE}.preserve_ordering`) ?? false;
  if (!POLICY_FIELDS.some((field) => batching[field] !== undefined)) return undefined;
  const levels = asCount(one(batching, 'priority_levels'), `${WHERE}.priority_levels`) ?? 0;
  const level = asCount(one(batching, 'default_priority_level'), `${WHERE}.default_priority_level`) ?? 0;
  if (levels > 0 && (level < 1 || level > levels))
    throw new ConfigError(`${WHERE}.default_priority_level must be 1 to priority_levels`);
  const policy = asMessage(one(batching, 'default_queue_policy'), `${WHERE}.default_queue_policy`);
  const queueing: Queueing = {
    priority_levels: levels,
    default_priority_level: levels > 0 ? level : 0,
    ...(policy ? { default_policy: queuePolicy(policy, `${WHERE}.default_queue_policy`) } : {}),
    policies: policiesByLevel(batching, levels),
  };
  const all = [queueing.default_policy, ...Object.values(queueing.policies)];
  if (ordered && levels > 1) throw new ConfigError(`${WHERE}.preserve_ordering allows only one priority level`);
  if (ordered && all.some((each) => each?.timeout_action === 'DELAY' && each.default_timeout_ms > 0))
    throw new ConfigError(`${WHERE}.preserve_ordering does not allow the timeout_action DELAY`);
  return queueing;
}

/** @throws ConfigError that names the field */
export function readDynamicBatching(
  batching: TextMessage | undefined,
  maxBatchSize: number | undefined,
): DynamicBatching {
  if (!batching) return { preferredRows: [], maxQueueDelayMs: 0, namesSizeOrDelay: false, queueing: undefined };
  const sizes = (batching['preferred_batch_size'] ?? []).map(
    (size) => asCount(size, `${WHERE}.preferred_batch_size`) ?? 0,
  );
  if (sizes.some((size) => size < 1 || size > (maxBatchSize ?? size)))
    throw new ConfigError(`${WHERE}.preferred_batch_size must be 1 to max_batch_size`);
  const delayUs = asCount(one(batching, 'max_queue_delay_microseconds'), `${WHERE}.max_queue_delay_microseconds`);
  return {
    preferredRows: [...new Set(sizes)].toSorted((a, b) => a - b),
    maxQueueDelayMs: (delayUs ?? 0) / 1000,
    namesSizeOrDelay: sizes.length > 0 || delayUs !== undefined,
    queueing: readQueueing(batching),
  };
}
