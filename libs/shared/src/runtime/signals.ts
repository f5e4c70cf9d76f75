/**
 * The signals that end a process: the first one in good order, a later one at once. Ctrl-C in a terminal reaches the whole
 * group; where a supervisor started this process, it alone decides what ends when, and it says so with SIGTERM.
 */
export function onEndSignals(first: () => void, later: () => void): void {
  let signalled = false;
  const onSignal = (): void => {
    if (signalled) {
      later();
      return;
    }
    signalled = true;
    first();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', () => {
    if (process.send === undefined) onSignal();
  });
}
