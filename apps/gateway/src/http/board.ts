/** Bull Board at /board: the raw view of the queues. */
import { createBullBoard } from '@bull-board/api';
import type { BaseAdapter } from '@bull-board/api/baseAdapter';
import { ExpressAdapter } from '@bull-board/express';
import type { Express, Router } from 'express';

export type ShowQueues = (queues: readonly BaseAdapter[]) => void;

/**
 * @param mounted false leaves it away
 * @returns what names the queues it has from now on
 */
export function mountBoard(app: Express, mounted: boolean): ShowQueues {
  if (!mounted) return () => undefined;
  const adapter = new ExpressAdapter();
  adapter.setBasePath('/board');
  const board = createBullBoard({ queues: [], serverAdapter: adapter });
  app.use('/board', adapter.getRouter() as Router);
  return (queues) => board.replaceQueues([...queues]);
}
