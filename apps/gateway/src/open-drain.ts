/** Part of the wiring: how a gateway ends in good order. What it has accepted is answered, for as long as there is time. */

type Front = {
  /** Takes nothing new; resolves when everything is answered. */
  close(): Promise<unknown>;
  /** Ends what is left. */
  end?(): void;
};
type Parts = {
  /** From now on nothing new is taken. */
  begin(): void;
  readonly fronts: readonly Front[];
  /** Whoever still waits is told so, rather than cut off. */
  giveUp(): void;
  stop(): void;
  close(): Promise<unknown>;
  disconnect(): void;
  readonly pause: (ms: number) => Promise<void>;
};

const DRAIN_LIMIT_MS = 20_000;
const LAST_ANSWERS_MS = 500;
const CLOSE_LIMIT_MS = 1_000;

export function openDrain(parts: Parts): () => Promise<void> {
  const { fronts, pause } = parts;
  return async () => {
    parts.begin();
    const answered = Promise.all(fronts.map((front) => front.close()));
    await Promise.race([answered, pause(DRAIN_LIMIT_MS)]);
    parts.giveUp();
    await Promise.race([answered, pause(LAST_ANSWERS_MS)]);
    for (const front of fronts) front.end?.();
    parts.stop();
    await Promise.race([parts.close(), pause(CLOSE_LIMIT_MS)]);
    parts.disconnect();
    process.exit(0);
  };
}
