/** Questions to the operations port; an error is the sentence of its problem document. */
import { useEffect, useState } from 'preact/hooks';

export async function call<T>(path: string, method = 'GET', body?: string): Promise<T> {
  const answer = await fetch(path, { method, ...(body === undefined ? {} : { body }) });
  const text = await answer.text();
  let value: unknown = text;
  try {
    value = JSON.parse(text);
  } catch {
    // Not JSON: the text is all there is.
  }
  if (answer.ok) return value as T;
  const { detail, error } = (typeof value === 'object' ? value : {}) as { detail?: string; error?: string };
  throw new Error(detail ?? error ?? `${answer.status} ${answer.statusText}`);
}

export const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export type Polled<T> = { readonly value: T | undefined; readonly error: string | undefined; refresh(): void };

/** Asks again every so many ms while the page is seen; keeps the last answer while there is an error. */
export function usePolled<T>(path: string | undefined, everyMs: number): Polled<T> {
  const [state, setState] = useState<{ value: T | undefined; error: string | undefined }>({
    value: undefined,
    error: undefined,
  });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (path === undefined) return undefined;
    let [ended, timer] = [false, 0];
    const ask = async (): Promise<void> => {
      if (!document.hidden) {
        try {
          const value = await call<T>(path);
          if (!ended) setState({ value, error: undefined });
        } catch (error) {
          if (!ended) setState(({ value }) => ({ value, error: sentenceOf(error) }));
        }
      }
      if (!ended) timer = window.setTimeout(() => void ask(), everyMs);
    };
    void ask();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [path, everyMs, turn]);
  return { ...state, refresh: () => setTurn((n) => n + 1) };
}
