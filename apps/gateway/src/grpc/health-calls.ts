/**
 * grpc.health.v1, for probes: `""` and the service's own name say whether requests can be answered, `live` whether the
 * process lives, which a probe that restarts it should ask: a Redis that is away is no reason to.
 */
import type { handleServerStreamingCall, handleUnaryCall } from '@grpc/grpc-js';

import { Failure } from '@batchyard/shared/contract/failure';

import { errorOf, statusOf } from './call-status.ts';

type Asked = { readonly service: string };
type Status = { readonly status: 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN' };

const READINESS = new Set(['', 'inference.GRPCInferenceService']);
const LIVENESS = 'live';
const LOOK_MS = 250;

export type HealthCalls = {
  readonly check: handleUnaryCall<Asked, Status>;
  readonly watch: handleServerStreamingCall<Asked, Status>;
  /** Watchers are told that this ends, and let go. */
  drain(): void;
};

export function createHealthCalls(ready: () => boolean): HealthCalls {
  const watchers = new Set<{ look(): void; end(): void }>();
  let timer: NodeJS.Timeout | undefined;

  function statusOfService(service: string): Status['status'] {
    if (service === LIVENESS) return 'SERVING';
    if (!READINESS.has(service)) return 'SERVICE_UNKNOWN';
    return ready() ? 'SERVING' : 'NOT_SERVING';
  }
  /** Nothing runs by the clock while nobody watches. */
  function keepLooking(): void {
    if (watchers.size > 0) timer ??= setInterval(() => watchers.forEach((one) => one.look()), LOOK_MS);
    else {
      clearInterval(timer);
      timer = undefined;
    }
  }

  return {
    check({ request }, callback) {
      const status = statusOfService(request.service);
      if (status !== 'SERVICE_UNKNOWN') callback(null, { status });
      else {
        const name = request.service.slice(0, 128);
        callback(errorOf(statusOf(new Failure('not_found', `there is no service '${name}'`))));
      }
    },
    watch(call) {
      let last: Status['status'] | undefined;
      const watcher = {
        look() {
          const status = statusOfService(call.request.service);
          if (status !== last) call.write({ status });
          last = status;
        },
        end() {
          watchers.delete(watcher);
          keepLooking();
          call.end();
        },
      };
      call.on('cancelled', watcher.end);
      watchers.add(watcher);
      watcher.look();
      keepLooking();
    },
    drain() {
      for (const watcher of watchers) {
        watcher.look();
        watcher.end();
      }
    },
  };
}
