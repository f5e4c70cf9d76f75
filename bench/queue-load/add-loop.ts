/** Keeps `window` jobs in flight: adds groups as long as earlier ones come to an end. */
import { JOBS_PER_CALL } from './job-payload.ts';

/** A command that lies in a socket for a second is refused as stale: a deep queue is filled call by call. */
const MAX_CALLS = 16;

export type AddLoop = {
  start(): void;
  /** So many jobs have been finished. */
  credit(jobs: number): void;
  /** Adds nothing more; resolves when every call has been answered. */
  stop(): Promise<void>;
  added(): number;
};

/** @param add adds the jobs numbered from `first` */
export function createAddLoop(window: number, add: (first: number, jobs: number) => Promise<void>): AddLoop {
  let [free, added, running] = [window, 0, false];
  let failure: unknown;
  const calls = new Set<Promise<void>>();
  async function addOnce(first: number): Promise<void> {
    try {
      await add(first, JOBS_PER_CALL);
    } catch (error) {
      failure = error;
      running = false;
    }
  }
  function pump(): void {
    while (running && free >= JOBS_PER_CALL && calls.size < MAX_CALLS) {
      free -= JOBS_PER_CALL;
      const call: Promise<void> = addOnce(added).finally(() => calls.delete(call) && pump());
      added += JOBS_PER_CALL;
      calls.add(call);
    }
  }
  return {
    start() {
      running = true;
      pump();
    },
    credit(jobs) {
      free += jobs;
      pump();
    },
    async stop() {
      running = false;
      await Promise.all(calls);
      if (failure !== undefined) throw failure;
    },
    added: () => added,
  };
}
