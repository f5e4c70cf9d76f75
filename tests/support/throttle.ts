/** Makes a process slow, as on a machine that others use too: it is stopped and continued in turns. Linux. */

/** Shorter than any run of a model that is measured: were it longer, some runs would fit in and not be slow at all. */
const RUNS_MS = 1;

/** @param share of the time that it runs @returns what lets it run freely again */
export function throttle(pid: number, share: number): () => void {
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
    timer = setTimeout(() => turn(!runs), runs ? RUNS_MS : RUNS_MS / share - RUNS_MS);
  }
  turn(false);
  return () => {
    clearTimeout(timer);
    ended = true;
    signal('SIGCONT');
  };
}
