/** Triton's trace extension, as far as it goes here: no request is traced by it, and no setting says otherwise. */
import { Failure } from '@batchyard/shared/contract/failure';
import { z } from 'zod';

const off = z.union([z.literal('OFF'), z.array(z.literal('OFF')).max(1), z.null()]);
const changeSchema = z.strictObject({ trace_level: off.optional() });

export type TraceSettings = { readonly trace_level: readonly ['OFF'] };

export const traceSettings = (): TraceSettings => ({ trace_level: ['OFF'] });

/** @throws Failure bad_request for anything that would have to be obeyed */
export function changedTrace(body: unknown): TraceSettings {
  if (!changeSchema.safeParse(body).success)
    throw new Failure(
      'bad_request',
      'trace settings are not supported: trace_level is OFF, and nothing else can be set',
    );
  return traceSettings();
}
