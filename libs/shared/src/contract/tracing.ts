/**
 * Traces by OpenTelemetry: whether they are wanted, by its own variables, and how a request's place in a trace crosses a
 * process (W3C Trace Context, `traceparent`). https://www.w3.org/TR/trace-context/
 */
import { z } from 'zod';

const text = z.string().optional();

/** Of OpenTelemetry's variables those that decide here; its library reads these and the others itself. */
export const tracingSettings = {
  OTEL_SDK_DISABLED: text,
  OTEL_TRACES_EXPORTER: z.enum(['', 'none', 'otlp'], 'only otlp and none are there').optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: text,
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: text,
  OTEL_SERVICE_NAME: text,
};
const settingsSchema = z.object(tracingSettings);
type TracingSettings = z.infer<typeof settingsSchema>;

/** Where there is somewhere to send them, unless that is turned off. */
export function wantsTraces(settings: TracingSettings): boolean {
  if (settings.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true') return false;
  const exporter = settings.OTEL_TRACES_EXPORTER ?? '';
  if (exporter !== '') return exporter === 'otlp';
  return Boolean(settings.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || settings.OTEL_EXPORTER_OTLP_ENDPOINT);
}

/** A span as its children and links name it. */
export type SpanPlace = { readonly traceId: string; readonly spanId: string; readonly traceFlags: number };

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;
const SAMPLED = 1;

/** @returns undefined for what is no traceparent: then a trace of our own begins, as the standard wants */
export function parseTraceparent(header: string | undefined): SpanPlace | undefined {
  const found = header === undefined ? null : TRACEPARENT.exec(header);
  if (!found) return undefined;
  const [, traceId = '', spanId = '', flags = ''] = found;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & SAMPLED };
}

export const traceparentOf = ({ traceId, spanId, traceFlags }: SpanPlace): string =>
  `00-${traceId}-${spanId}-0${traceFlags & SAMPLED}`;

export const isSampled = (traceparent: string): boolean =>
  ((parseTraceparent(traceparent)?.traceFlags ?? 0) & SAMPLED) === SAMPLED;
