/** Part of the wiring: what a request may be before it is looked at, of the synchronous way and of the jobs. */
import type { JobKind } from '@batchyard/shared/contract/job';
import type { CopyCount } from '@batchyard/shared/contract/memory';

import type { AnswerRequest } from './answer-request.ts';
import type { Config } from './config.ts';
import type { ModelBreaker } from './fleet/model-breaker.ts';
import type { BytesInFlight } from './http/bytes-in-flight.ts';
import type { Limits } from './http/infer-route.ts';

type Parts = {
  readonly config: Config;
  readonly breaker: Pick<ModelBreaker, 'screen'>;
  readonly screen: AnswerRequest['screen'];
  readonly inFlight: BytesInFlight;
  readonly copies: CopyCount;
};

export function openLimits({ config, breaker, screen, inFlight, copies }: Parts): { infer: Limits; jobs: Limits } {
  const limitsFor = (kind: JobKind): Limits => ({
    jsonBytes: config.BATCHYARD_MAX_JSON_BYTES,
    binaryBytes: config.BATCHYARD_MAX_BINARY_BYTES,
    screen: (announced) =>
      (kind === 'attached' ? breaker.screen(announced.queue) : undefined) ?? screen(announced, kind),
    intake: { inFlight, copies: copies.request, inflation: config.BATCHYARD_MAX_INFLATION },
    elements: { maxElements: config.BATCHYARD_MAX_ELEMENTS },
    copies: copies.result,
  });
  return { infer: limitsFor('attached'), jobs: limitsFor('durable') };
}
