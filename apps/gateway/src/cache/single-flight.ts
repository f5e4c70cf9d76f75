/**
 * Equal requests that are under way at the same time share one job. Whoever came first leads; each of the others keeps its own
 * deadline and may leave alone, and the job is given up when all have left. Invariants: a request never waits behind a less
 * urgent one; a flight that fails for any other reason than its own input fails nobody but its leader.
 */
import { Failure, type FailureCode } from '@batchyard/shared/contract/failure';

export type Work<T> = (gone: Promise<void>) => Promise<T>;
export type Traveller = {
  /** 1 = critical … 4 = low. */
  readonly urgency: number;
  readonly remainingMs: number;
  /** Settles when nobody waits for its answer any more. */
  readonly gone: Promise<void>;
};
/** `failed`: whoever was followed got no result; that says nothing of this request. */
export type Landed<T> = { readonly value: T; readonly followed: boolean } | 'failed';

type Flight<T> = { readonly urgency: number; readonly result: Promise<T>; join(gone: Promise<void>): () => void };

/** What the same input would bring about again. */
const OF_THE_INPUT: ReadonlySet<FailureCode> = new Set(['model_error', 'poison']);

function createFlight<T>(urgency: number, work: Work<T>): Flight<T> {
  let abandon = (): void => undefined;
  const abandoned = new Promise<void>((resolve) => (abandon = resolve));
  let aboard = 0;
  const result = work(abandoned);
  // Everybody may have left before it ends.
  result.catch(() => undefined);
  return {
    urgency,
    result,
    join(gone) {
      let here = true;
      aboard += 1;
      const leave = (): void => {
        if (!here) return;
        here = false;
        aboard -= 1;
        if (aboard === 0) abandon();
      };
      void gone.then(leave);
      return leave;
    },
  };
}

export function createSingleFlight<T>() {
  const flights = new Map<string, Flight<T>>();

  async function lead(key: string, { urgency, gone }: Traveller, work: Work<T>): Promise<Landed<T>> {
    const flight = createFlight(urgency, work);
    flights.set(key, flight);
    void flight.result.then(
      () => flights.get(key) === flight && flights.delete(key),
      () => flights.get(key) === flight && flights.delete(key),
    );
    flight.join(gone);
    return { value: await flight.result, followed: false };
  }

  async function follow(flight: Flight<T>, { remainingMs, gone }: Traveller): Promise<Landed<T>> {
    const leave = flight.join(gone);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      const expire = (): void => reject(new Failure('expired', 'Request timeout expired'));
      timer = setTimeout(expire, Math.min(remainingMs, 2 ** 31 - 1));
    });
    const landed = flight.result.then(
      (value): Landed<T> => ({ value, followed: true }),
      (error: unknown): Landed<T> => {
        if (error instanceof Failure && OF_THE_INPUT.has(error.code)) throw error;
        return 'failed';
      },
    );
    try {
      return await Promise.race([landed, late]);
    } finally {
      clearTimeout(timer);
      leave();
    }
  }

  return {
    /** Does the work, or shares in what another does. */
    share(key: string, traveller: Traveller, work: Work<T>): Promise<Landed<T>> {
      const flying = flights.get(key);
      if (flying && flying.urgency <= traveller.urgency) return follow(flying, traveller);
      return lead(key, traveller, work);
    },
  };
}
