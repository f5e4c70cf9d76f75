/** The load generator as a process of its own, so that its CPU time is not the server's and can be told. */
import { serveParent } from '../processes/serve-parent.ts';
import { startClosedLoop, type ClosedLoad, type ClosedLoop } from './closed-loop.ts';
import { runJobLoad, type JobLoad } from './job-load.ts';
import { runMixedLoad, type MixedLoad } from './mixed-load.ts';
import { runOpenLoop, type OpenLoad } from './open-loop.ts';
import { runProbe, type ProbeRun } from './probe.ts';

let loop: ClosedLoop | undefined;

const handlers = {
  /** Connects and begins to send. */
  start: async (load: ClosedLoad) => {
    loop = startClosedLoop(load);
  },
  measure: async ({ ms }: { ms: number }) => {
    if (!loop) throw new Error('nothing was started');
    return loop.measure(ms);
  },
  stop: async () => {
    await loop?.stop();
    loop = undefined;
  },
  open: async (load: OpenLoad) => runOpenLoop(load),
  mixed: async (load: MixedLoad) => runMixedLoad(load),
  jobs: async (load: JobLoad) => runJobLoad(load),
  probe: async (run: ProbeRun) => runProbe(run),
};
export type GeneratorHandlers = typeof handlers;

serveParent(handlers);
