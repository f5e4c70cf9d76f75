/**
 * Counts wrong keys by the address they come from: one that tries many is answered 429 rather than 401. A right key is never
 * held up by the wrong ones of its neighbours behind the same address; guessing one is hopeless anyway.
 */
import { Failure } from '@batchyard/shared/contract/failure';

const MOST_WRONG = 20;
const WINDOW_MS = 60_000;
const MOST_ADDRESSES = 4_096;

export type WrongKeys = (address: string, nowMs: number) => Failure | undefined;

/** @returns what is told of one more wrong key, and the failure that it comes to where they are too many */
export function createWrongKeys(): WrongKeys {
  const seen = new Map<string, { count: number; readonly endsMs: number }>();
  return (address, nowMs) => {
    let one = seen.get(address);
    if (!one || one.endsMs <= nowMs) {
      seen.delete(address);
      if (seen.size >= MOST_ADDRESSES) seen.delete(seen.keys().next().value as string);
      one = { count: 0, endsMs: nowMs + WINDOW_MS };
      seen.set(address, one);
    }
    one.count += 1;
    if (one.count <= MOST_WRONG) return undefined;
    return new Failure('rate_limited', 'too many wrong API keys came from this address', {
      retryAfterS: (one.endsMs - nowMs) / 1_000,
    });
  };
}
