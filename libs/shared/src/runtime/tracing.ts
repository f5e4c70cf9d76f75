/**
 * The one door to OpenTelemetry. Its packages are loaded by `openTraces`, so that a process without traces has none of them.
 * There is no context that follows the calls: a span is told its parent, which costs nothing where there is none.
 */
import type { Attributes, Context, Span } from '@opentelemetry/api';

import { parseTraceparent, traceparentOf } from '../contract/tracing.ts';

export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;
export type OpenSpan = {
  /** For what lies below it, as a traceparent. */
  readonly place: string;
  /** @param failure why it failed */
  end(attributes: SpanAttributes, failure?: string): void;
};

export type PastSpan = {
  readonly name: string;
  /** A traceparent; without one a trace of its own begins. */
  readonly parent?: string | undefined;
  /** Traceparents of what it has to do with and does not lie below. */
  readonly links?: readonly string[];
  /** By the clock on the wall. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: SpanAttributes;
  /** Why it failed. */
  readonly failure?: string;
};

export type Traces = {
  /** A span of a caller's request. `parent` as the caller sent it. */
  begin(name: string, parent: string | undefined): OpenSpan;
  /** A span that is over. @returns its place */
  record(span: PastSpan): string;
  /** Sends what is left. */
  close(): Promise<void>;
};

export type TracedService = { readonly name: string; readonly version: string; readonly instance: string };

const defined = (attributes: SpanAttributes): Attributes =>
  Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));

/** Sends to the endpoint, with the headers, sampler and limits, that OpenTelemetry's variables name. */
export async function openTraces({ name, version, instance }: TracedService): Promise<Traces> {
  const [api, sdk, exporting, describing] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const own = { 'service.name': name, 'service.version': version, 'service.instance.id': instance };
  const named = describing.detectResources({ detectors: [describing.envDetector] });
  const resource = describing.defaultResource().merge(describing.resourceFromAttributes(own)).merge(named);
  const processor = new sdk.BatchSpanProcessor(new exporting.OTLPTraceExporter());
  const provider = new sdk.BasicTracerProvider({ resource, spanProcessors: [processor] });
  const tracer = provider.getTracer('batchyard', version);

  const below = (parent: string | undefined): Context => {
    const place = parseTraceparent(parent);
    return place ? api.trace.setSpanContext(api.ROOT_CONTEXT, { ...place, isRemote: true }) : api.ROOT_CONTEXT;
  };
  const placeOf = (span: Span): string => traceparentOf(span.spanContext());

  return {
    begin(spanName, parent) {
      const span = tracer.startSpan(spanName, { kind: api.SpanKind.SERVER }, below(parent));
      return {
        place: placeOf(span),
        end(attributes, failure) {
          span.setAttributes(defined(attributes));
          if (failure !== undefined) span.setStatus({ code: api.SpanStatusCode.ERROR, message: failure });
          span.end();
        },
      };
    },
    record({ name: spanName, parent, links = [], startMs, endMs, attributes, failure }) {
      const linked = links.flatMap((link) => parseTraceparent(link) ?? []);
      const options = {
        startTime: startMs,
        attributes: defined(attributes),
        links: linked.map((context) => ({ context: { ...context, isRemote: true } })),
      };
      const span = tracer.startSpan(spanName, options, below(parent));
      if (failure !== undefined) span.setStatus({ code: api.SpanStatusCode.ERROR, message: failure });
      span.end(endMs);
      return placeOf(span);
    },
    close: () => provider.shutdown().catch(() => undefined),
  };
}
