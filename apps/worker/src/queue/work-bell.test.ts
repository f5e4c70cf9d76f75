import { test } from 'node:test';

import { startWorkBell } from './work-bell.ts';

/** A bell over one queue, whose markers and pauses come when the test says so. */
function bellByHand() {
  const markers: ((queue: string | undefined) => void)[] = [];
  const pauses: (() => void)[] = [];
  const bell = startWorkBell({
    queues: ['q'],
    waitForWork: () => new Promise((resolve) => markers.push(resolve)),
    pause: () => new Promise((resolve) => pauses.push(resolve)),
  });
  return { bell, ring: () => markers.shift()?.('q'), runOut: () => pauses.shift()?.() };
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a wait with a limit ends when it runs out or when the queue has work, whichever is first', async () => {
  const { bell, ring, runOut } = bellByHand();
  const first = bell.wait('q', 5);
  runOut();
  await first;
  const second = bell.wait('q', 5);
  ring();
  await second;
  bell.stop();
});

test('a wait that ran out leaves the next wake-up to the next one who sleeps', async () => {
  const { bell, ring, runOut } = bellByHand();
  const first = bell.wait('q', 5);
  runOut();
  await first;
  await turn();
  ring();
  await turn();
  await bell.wait('q');
  bell.stop();
});
