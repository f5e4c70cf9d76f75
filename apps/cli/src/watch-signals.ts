/** Ctrl-C and SIGTERM, as a person means them. */
const REPEAT_MS = 1_000;

/**
 * A terminal sends Ctrl-C to the whole group, and npm passes it on once more: only one that comes a second later or after
 * that means "at once".
 */
export function watchSignals(onFirst: () => void, onLater: () => void): void {
  let firstAt = 0;
  const onSignal = (): void => {
    const now = Date.now();
    if (firstAt === 0) {
      firstAt = now;
      onFirst();
    } else if (now - firstAt >= REPEAT_MS) onLater();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, onSignal);
}
