/** Questions to Redis whose failure is not ours: the caller is told to try again. */
import { Failure } from '@batchyard/shared/contract/failure';

/** For what may be asked twice; whatever Redis or the connection says against it becomes `queue_unavailable`. */
export function askRedis<Arguments extends readonly unknown[], Answer>(
  ask: (...args: Arguments) => Promise<Answer>,
): (...args: Arguments) => Promise<Answer> {
  return async (...args) => {
    try {
      return await ask(...args);
    } catch {
      throw new Failure('queue_unavailable', 'Redis did not answer, try again', { retryAfterS: 1 });
    }
  };
}
