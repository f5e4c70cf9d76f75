/** The `parameters` object of a request. Unknown ones are ignored, as the protocol wants. */
import { Failure } from '@batchyard/shared/contract/failure';
import { MAX_TIMEOUT_MS, PRIORITY_CLASSES, type PriorityClass } from '@batchyard/shared/contract/job';
import { classOfLevel } from '@batchyard/shared/contract/queueing';

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

/**
 * Where the model has levels: 1 is the most urgent; 0 and what is beyond them is the model's default, as in Triton.
 * @returns undefined for the default
 */
function levelOf(value: JsonValue | undefined, levels: number): number | undefined {
  if (value === undefined || value === 0) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0)
    throw wrong('/parameters/priority', "Unable to parse 'priority': a whole number from 0 on is expected");
  return value <= levels ? value : undefined;
}

/** Microseconds to whole milliseconds, rounded up; more than a day counts as a day. */
function timeoutOf(value: JsonValue | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value <= 0) {
    throw wrong('/parameters/timeout', "Unable to parse 'timeout': a positive integer of microseconds is expected");
  }
  return Math.min(Math.ceil(value / 1000), MAX_TIMEOUT_MS);
}

/**
 * @param levels priority levels of the model; 0 = none, then a priority is a class
 * @throws Failure bad_request for a value out of range, and for any key that is Triton's own
 */
export function requestParameters(parameters: JsonObject, levels: number): RequestParameters {
  for (const key of Object.keys(parameters)) {
    if (key.startsWith('triton_')) {
      throw wrong('/parameters', `parameter keys starting with 'triton_' are reserved for Triton usage`);
    }
  }
  const { priority } = parameters;
  const timeoutMs = timeoutOf(parameters['timeout']);
  if (levels === 0) return { priority: priorityOf(priority), timeoutMs };
  const level = levelOf(priority, levels);
  return { priority: level === undefined ? undefined : classOfLevel(level, levels), level, timeoutMs };
}
