/** TraceSetting and LogSettings, as their routes answer over HTTP: without settings they tell, with settings they change. */
import { changedLevel, logSettings } from '../protocol/log-settings.ts';
import { changedTrace, traceSettings } from '../protocol/trace-settings.ts';

export type TraceRequest = { readonly settings: Readonly<Record<string, { readonly value: readonly string[] }>> };
export type LogRequest = {
  readonly settings: Readonly<
    Record<string, { readonly parameter_choice?: 'bool_param' | 'uint32_param' | 'string_param' }>
  >;
};

const isEmpty = (settings: object): boolean => Object.keys(settings).length === 0;

/** @throws Failure bad_request */
export function traceAnswer({ settings }: TraceRequest): object {
  const asked = Object.fromEntries(Object.entries(settings).map(([name, { value }]) => [name, value]));
  const { trace_level: value } = isEmpty(settings) ? traceSettings() : changedTrace(asked);
  return { settings: { trace_level: { value } } };
}

function typed(value: string | number | boolean): object {
  if (typeof value === 'boolean') return { bool_param: value };
  return typeof value === 'number' ? { uint32_param: value } : { string_param: value };
}

/** @param log whose level is changed. @throws Failure bad_request */
export function logAnswer({ settings }: LogRequest, log: { level: string }): object {
  if (!isEmpty(settings)) {
    const asked = Object.entries(settings).map(([name, value]): [string, unknown] => [
      name,
      (value as Record<string, unknown>)[value.parameter_choice ?? ''],
    ]);
    log.level = changedLevel(log.level, Object.fromEntries(asked));
  }
  const told = Object.entries(logSettings(log.level)).map(([name, value]): [string, object] => [name, typed(value)]);
  return { settings: Object.fromEntries(told) };
}
