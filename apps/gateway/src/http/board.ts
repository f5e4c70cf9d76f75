/**
 * Bull Board at /board: the raw view of the queues. It and BullMQ come with the first who looks: who never does is spared
 * their memory, their part of the start, and a connection to Redis for each queue.
 */
import type { BaseAdapter } from '@bull-board/api/baseAdapter';
import type { Express, Router } from 'express';

/** Those that there are now. */
export type BoardQueuesNow = () => Promise<readonly BaseAdapter[]>;

async function createBoard() {
  const { createBullBoard } = await import('@bull-board/api');
  const { ExpressAdapter } = await import('@bull-board/express');
  const adapter = new ExpressAdapter();
  adapter.setBasePath('/board');
  const board = createBullBoard({ queues: [], serverAdapter: adapter });
  return {
    router: adapter.getRouter() as Router,
    show: (queues: readonly BaseAdapter[]) => board.replaceQueues([...queues]),
  };
}

/** @param queues undefined: there is no board */
export function mountBoard(app: Express, queues: BoardQueuesNow | undefined): void {
  if (!queues) return;
  let board: ReturnType<typeof createBoard> | undefined;
  app.use('/board', async (request, response, next) => {
    const { router, show } = await (board ??= createBoard());
    show(await queues());
    router(request, response, next);
  });
}
