/** Makes a process slow, as on a machine that others use too: it is stopped and continued in turns. Linux. */

/** @param share of the time that it runs @returns what lets it run freely again */
export function throttle(pid: number, share: number, periodMs = 25): () => void {
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  function signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    try {
      process.kill(pid, name);
    } catch {
      // It has ended.
      ended = true;
    }
  }
  function turn(runs: boolean): void {
    if (ended) return;
    signal(runs ? 'SIGCONT' : 'SIGSTOP');
    timer = setTimeout(() => turn(!runs), periodMs * (runs ? share : 1 - share));
  }
  turn(false);
  return () => {
    clearTimeout(timer);
    ended = true;
    signal('SIGCONT');
  };
}
