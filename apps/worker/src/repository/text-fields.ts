/** Fields of a text-format message, by the type that the configuration wants of them. */
import type { TextMessage, TextValue } from './text-proto.ts';

export class ConfigError extends Error {}

/** The last value counts, as protobuf has it. */
export const one = (message: TextMessage | undefined, key: string): TextValue | undefined => message?.[key]?.at(-1);

export function asMessage(value: TextValue | undefined, key: string): TextMessage | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'object') throw new ConfigError(`${key} must be a message`);
  return value;
}
export function asNumber(value: TextValue | undefined, key: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value)) throw new ConfigError(`${key} must be a whole number`);
  return value;
}
export function asCount(value: TextValue | undefined, key: string): number | undefined {
  const number = asNumber(value, key);
  if (number !== undefined && number < 0) throw new ConfigError(`${key} must not be below 0`);
  return number;
}
export function asText(value: TextValue | undefined, key: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw new ConfigError(`${key} must be a string`);
  return value;
}
export function asFlag(value: TextValue | undefined, key: string): boolean | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'boolean') throw new ConfigError(`${key} must be true or false`);
  return value;
}
