/** `instance_group` of Triton's model configuration: how many sessions of a model a worker has. */
import { asCount, asMessage, asText, ConfigError, one } from './text-fields.ts';
import type { TextMessage } from './text-proto.ts';

/** Each is a thread with the model in memory. */
const MOST_SESSIONS = 16;
const KINDS = ['KIND_AUTO', 'KIND_CPU', 'KIND_MODEL'];

/** @returns the sum of all groups; 1 where there is none. @throws ConfigError that names the field */
export function readInstances(config: TextMessage): number {
  const groups = config['instance_group'] ?? [];
  let sum = 0;
  for (const [i, group] of groups.entries()) {
    const where = `instance_group[${i}]`;
    const message = asMessage(group, where);
    const kind = asText(one(message, 'kind'), `${where}.kind`) ?? 'KIND_AUTO';
    if (kind === 'KIND_GPU') throw new ConfigError(`${where}.kind KIND_GPU is not supported: models run on the CPU`);
    if (!KINDS.includes(kind)) throw new ConfigError(`${where}.kind must be one of ${KINDS.join(', ')}`);
    sum += asCount(one(message, 'count'), `${where}.count`) ?? 1;
  }
  if (groups.length > 0 && (sum < 1 || sum > MOST_SESSIONS))
    throw new ConfigError(`instance_group must come to 1 to ${MOST_SESSIONS} instances in a worker`);
  return Math.max(1, sum);
}
