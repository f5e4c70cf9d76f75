/** The `parameters` object of a request. Unknown ones are ignored, as the protocol wants. */
import { Failure } from '@batchyard/shared/contract/failure';
import { MAX_TIMEOUT_MS, PRIORITY_CLASSES, type PriorityClass } from '@batchyard/shared/contract/job';
import type { RequestParameters } from './infer-request.ts';
import { type JsonObject, type JsonValue, isObject } from './json-reader.ts';

const wrong = (pointer: string, problem: string): Failure =>
  new Failure('bad_request', problem, { pointers: [pointer] });

/** @returns the `parameters` of a request, input or output; empty when it has none */
export function parametersOf(owner: JsonObject, pointer: string): JsonObject {
  const { parameters } = owner;
  if (parameters === undefined) return Object.create(null) as JsonObject;
  if (!isObject(parameters))
    throw wrong(`${pointer}/parameters`, "Unable to parse 'parameters': an object is expected");
  return parameters;
}

/** @returns the flag; undefined when it is absent */
export function flagOf(parameters: JsonObject, name: string): boolean | undefined {
  const value = parameters[name];
  if (value === undefined || typeof value === 'boolean') return value;
  throw wrong(`/parameters/${name}`, `Unable to parse '${name}': attempt to access JSON non-boolean as boolean`);
}

/** 0 = default, 1 = critical, 2 = high, 3 = normal, 4 = low. */
function priorityOf(value: JsonValue | undefined): PriorityClass | undefined {
  if (value === undefined || value === 0) return undefined;
  const known = typeof value === 'number' ? PRIORITY_CLASSES[value - 1] : undefined;
  if (known === undefined)
    throw wrong('/parameters/priority', "Unable to parse 'priority': an integer from 0 to 4 is expected");
  return known;
}

/** Microseconds to whole milliseconds, rounded up; more than a day counts as a day. */
function timeoutOf(value: JsonValue | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value <= 0) {
    throw wrong('/parameters/timeout', "Unable to parse 'timeout': a positive integer of microseconds is expected");
  }
  return Math.min(Math.ceil(value / 1000), MAX_TIMEOUT_MS);
}

/** @throws Failure bad_request for a value out of range, and for any key that is Triton's own */
export function requestParameters(parameters: JsonObject): RequestParameters {
  for (const key of Object.keys(parameters)) {
    if (key.startsWith('triton_')) {
      throw wrong('/parameters', `parameter keys starting with 'triton_' are reserved for Triton usage`);
    }
  }
  return { priority: priorityOf(parameters['priority']), timeoutMs: timeoutOf(parameters['timeout']) };
}
