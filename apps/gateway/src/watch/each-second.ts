/** Once in each second of the wall's clock, so that several gateways work in step; a turn that takes longer skips seconds. */
const SECOND_MS = 1_000;

/** A failed turn is nothing but a second without. @param phaseMs after the full second */
export function eachSecond(turn: () => Promise<void>, phaseMs = 0): { stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  function wait(): void {
    if (stopped) return;
    const untilMs = SECOND_MS - ((Date.now() - phaseMs) % SECOND_MS);
    timer = setTimeout(
      () =>
        void turn()
          .catch(() => undefined)
          .then(wait),
      untilMs,
    );
  }
  wait();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
