/**
 * A model configuration as JSON, with the names of Triton's model configuration (or the lower camel case of protobuf's
 * JSON), brought into the form of the text format, so that both are read by one reader. What the text format writes as
 * entries with `key` and `value` is an object here.
 */
import { ConfigError } from './text-fields.ts';
import type { TextMessage, TextValue } from './text-proto.ts';

const MAX_DEPTH = 32;
/** Fields whose keys are names, not fields. */
const MAPS = new Set(['parameters', 'priority_queue_policy', 'cc_model_filenames', 'metric_tags']);
/** Only of a warm-up; elsewhere `inputs` is not in use. */
const WARMUP_MAPS = new Set(['inputs']);

/** 64-bit numbers, which protobuf's JSON writes as texts. */
const LONG = /^(dims|shape|versions|priority_levels|default_priority_level|.*_microseconds)$/;

const snake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function entryKey(key: string): TextValue {
  return /^-?\d+$/.test(key) ? Number(key) : key;
}

function valueOf(value: unknown, path: string, depth: number): TextValue {
  if (typeof value === 'string')
    return LONG.test(path.slice(path.lastIndexOf('.') + 1)) && /^-?\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return messageOf(value, path, depth + 1);
  throw new ConfigError(`${path} has a value that no field takes`);
}

function mapOf(value: object, path: string, depth: number): TextMessage[] {
  return Object.entries(value).map(([key, one]) => ({
    key: [path === 'priority_queue_policy' || path.endsWith('.priority_queue_policy') ? entryKey(key) : key],
    value: [valueOf(one, `${path}.${key}`, depth + 1)],
  }));
}

function messageOf(value: object, path: string, depth: number): TextMessage {
  if (depth > MAX_DEPTH) throw new ConfigError(`nested deeper than ${MAX_DEPTH}`);
  const fields = Object.create(null) as Record<string, readonly TextValue[]>;
  for (const [name, one] of Object.entries(value)) {
    const key = snake(name);
    const where = path === '' ? key : `${path}.${key}`;
    if (one === null || one === undefined) continue;
    const isMap = MAPS.has(key) || (WARMUP_MAPS.has(key) && path.startsWith('model_warmup'));
    if (isMap && typeof one === 'object' && !Array.isArray(one)) fields[key] = mapOf(one as object, where, depth);
    else if (Array.isArray(one)) fields[key] = one.map((item: unknown) => valueOf(item, where, depth));
    else fields[key] = [valueOf(one, where, depth)];
  }
  return fields;
}

/** JavaScript's own sentence shows some of the text, which may be that of any file. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ConfigError('it is not JSON');
  }
}

/** @throws ConfigError */
export function parseJsonConfig(text: string): TextMessage {
  const parsed = parse(text);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new ConfigError('it must be an object');
  return messageOf(parsed, '', 0);
}
