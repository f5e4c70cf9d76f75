/**
 * Which runs of one worker may be under way together. A job that has seen a worker die runs with nothing beside it, also
 * of no other model: if the worker dies again, there is no doubt which job it was. First come, first served.
 */
export type RunGate = {
  /** Resolves when the run may begin. */
  enter(alone: boolean): Promise<void>;
  leave(): void;
};

export function createRunGate(): RunGate {
  const waiting: { readonly alone: boolean; begin(): void }[] = [];
  let running = 0;
  let alone = false;

  function admit(): void {
    for (let next = waiting[0]; next; next = waiting[0]) {
      if (alone || (next.alone && running > 0)) return;
      waiting.shift();
      running += 1;
      ({ alone } = next);
      next.begin();
    }
  }
  return {
    enter(asksAlone) {
      return new Promise((resolve) => {
        waiting.push({ alone: asksAlone, begin: resolve });
        admit();
      });
    },
    leave() {
      running -= 1;
      alone = false;
      admit();
    },
  };
}
