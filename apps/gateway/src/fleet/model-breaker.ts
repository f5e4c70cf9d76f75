/**
 * A circuit breaker for each model. When most of what a model was given in the last seconds has failed, for a reason that
 * lies with the model or its workers, callers are refused at once for a while, instead of waiting for one more failure;
 * then one request is let through, and its answer decides; one that says nothing of the model, because its input was bad
 * or its caller hung up, leaves its place to the next at once. What a caller did wrong counts for nothing.
 */
import { Failure, type FailureCode } from '@batchyard/shared/contract/failure';
import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  DelegateBackoff,
  handleWhen,
  SamplingBreaker,
  type CircuitBreakerPolicy,
} from 'cockatiel';

export type ModelBreaker = {
  /** @returns the failure while the circuit is open: nothing more needs to be known of a request. */
  screen(queue: string): Failure | undefined;
  /**
   * Does the work unless the circuit is open. `gone` settles when nobody waits for it any more.
   * @throws Failure model_failing, or what the work throws
   */
  run<T>(queue: string, work: () => Promise<T>, gone: Promise<void>): Promise<T>;
  /** Queues of the models that are refused now. */
  open(): string[];
};

type Parts = {
  readonly report: (detail: { queue: string }, sentence: string) => void;
  /** Monotonic. */
  readonly now: () => number;
};
type Circuit = { readonly policy: CircuitBreakerPolicy; openedAt: number; openMs: number };

/** More than half of the answers of ten seconds, and no less than twenty. */
const SHARE = 0.5;
const WINDOW_MS = 10_000;
const LEAST_PER_SECOND = 2;
export const OPEN_MS = 5_000;

const AGAINST_THE_MODEL: ReadonlySet<FailureCode> = new Set(['model_error', 'worker_error', 'poison']);

const countsAgainst = (error: unknown): boolean => error instanceof Failure && AGAINST_THE_MODEL.has(error.code);

const hungUp = (gone: Promise<void>): Promise<never> =>
  gone.then(() => {
    throw new Failure('cancelled', 'the caller has hung up');
  });

export function createModelBreaker({ report, now }: Parts): ModelBreaker {
  const circuits = new Map<string, Circuit>();
  /** Why the one request that was let through failed, whatever the reason: cockatiel would close the circuit for some. */
  const ofTrials = new WeakSet<Error>();

  function circuitOf(queue: string): Circuit {
    const known = circuits.get(queue);
    if (known) return known;
    const handled = (error: Error): boolean => countsAgainst(error) || ofTrials.has(error);
    const openMs = (reason: object): number => ('error' in reason && !countsAgainst(reason.error) ? 0 : OPEN_MS);
    const policy: CircuitBreakerPolicy = circuitBreaker(handleWhen(handled), {
      halfOpenAfter: new DelegateBackoff(({ result }: { result: object }) => openMs(result)),
      breaker: new SamplingBreaker({ threshold: SHARE, duration: WINDOW_MS, minimumRps: LEAST_PER_SECOND }),
    });
    const circuit = { policy, openedAt: 0, openMs: OPEN_MS };
    policy.onBreak((reason) => {
      circuit.openedAt = now();
      circuit.openMs = openMs(reason ?? {});
      if (circuit.openMs === 0) return;
      report({ queue }, 'most of what a model is given fails: it is given nothing for a while');
    });
    policy.onReset(() => report({ queue }, 'a model computes again'));
    circuits.set(queue, circuit);
    return circuit;
  }

  const isOpen = ({ policy, openedAt, openMs }: Circuit): boolean =>
    policy.state === CircuitState.HalfOpen || (policy.state === CircuitState.Open && now() - openedAt < openMs);

  const refusal = ({ openedAt, openMs }: Circuit): Failure =>
    new Failure('model_failing', 'the model failed for most of the requests of the last seconds', {
      retryAfterS: Math.max(1, (openedAt + openMs - now()) / 1000),
    });

  function screen(queue: string): Failure | undefined {
    const circuit = circuits.get(queue);
    return circuit && isOpen(circuit) ? refusal(circuit) : undefined;
  }

  return {
    screen,
    async run(queue, work, gone) {
      const refused = screen(queue);
      if (refused) throw refused;
      const circuit = circuitOf(queue);
      try {
        return await circuit.policy.execute(async () => {
          const isTrial = circuit.policy.state !== CircuitState.Closed;
          try {
            return await Promise.race([work(), hungUp(gone)]);
          } catch (error) {
            if (isTrial && error instanceof Error) ofTrials.add(error);
            throw error;
          }
        });
      } catch (error) {
        if (!(error instanceof BrokenCircuitError)) throw error;
        // Open by the clock on the wall, which may have been put back, though the time is over.
        if (now() - circuit.openedAt > 2 * OPEN_MS) circuits.delete(queue);
        throw refusal(circuit);
      }
    },
    open: () => [...circuits].filter(([, circuit]) => isOpen(circuit)).map(([queue]) => queue),
  };
}
