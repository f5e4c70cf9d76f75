/** Part of the wiring: a span for each request of a hot route, below the one that its caller names. */
import { wantsTraces } from '@batchyard/shared/contract/tracing';
import { openTraces } from '@batchyard/shared/runtime/tracing';

import type { Config } from './config.ts';
import type { TraceRequest } from './http/fast-lane.ts';

type Tracing = {
  /** Undefined where there are no traces. */
  readonly request: TraceRequest | undefined;
  close(): Promise<void>;
};

export async function openTracing(config: Config, version: string, gateway: string): Promise<Tracing> {
  if (!wantsTraces(config)) return { request: undefined, close: () => Promise.resolve() };
  const name = config.OTEL_SERVICE_NAME || 'batchyard-gateway';
  const traces = await openTraces({ name, version, instance: gateway });
  return {
    request(route, parent) {
      const span = traces.begin(`request ${route}`, parent);
      return {
        place: span.place,
        end({ method, status, queue, priority, code }) {
          const about = { 'batchyard.queue': queue, 'batchyard.priority': priority, 'batchyard.code': code };
          const wire = { 'http.request.method': method, 'http.response.status_code': status };
          span.end({ ...about, ...wire }, status >= 500 ? (code ?? String(status)) : undefined);
        },
      };
    },
    close: traces.close,
  };
}
