/** Trouble of hot routes, into the log. */
import type { Logger } from '@batchyard/shared/runtime/log';

import type { Trouble } from './fast-lane.ts';

/** Refusals come by the thousand under overload: they are counted in the metrics and told only where debug is asked for. */
export const reportTo =
  (log: Logger) =>
  ({ requestId, route, failure, error }: Trouble): void => {
    const { code, message } = failure;
    if (code === 'internal') log.error({ requestId, route, err: error }, 'a request failed for a reason of ours');
    else log.debug({ requestId, route, code }, message);
  };
