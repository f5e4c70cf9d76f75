/** The load generator as a process of its own, so that its CPU time is not the server's and can be told. */
import { serveParent } from '../processes/serve-parent.ts';
import { startClosedLoop, type ClosedLoad, type ClosedLoop } from './closed-loop.ts';
import { runOpenLoop, type OpenLoad } from './open-loop.ts';

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
};
export type GeneratorHandlers = typeof handlers;

serveParent(handlers);
