import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createHousekeeping, silenceLimitMs } from './housekeeping.ts';

/** Each step says what it did; what `away` names fails. */
function puppet() {
  const done: string[] = [];
  const reports: unknown[] = [];
  const state = {
    away: '',
    error: new Error('away'),
    lapsed: 0,
    claimed: 'w:1' as string | undefined,
    silences: [] as [string, number][],
    connected: undefined as string[] | undefined,
    drained: [] as string[],
  };
  const step = async (name: string): Promise<void> => {
    if (state.away === name) throw state.error;
    done.push(name);
  };
  const { sweep, judge } = createHousekeeping({
    async queues() {
      await step('queues');
      return ['m@1', 'n@1'];
    },
    sweep: (queue) => step(`sweep ${queue}`),
    async recoverLapsed(queue) {
      await step(`recover ${queue}`);
      return state.lapsed;
    },
    silences: () =>
      state.silences.map(([worker, silentMs]) => ({
        worker,
        silentMs,
        named: true,
        stopped: state.drained.includes(worker),
      })),
    connectedWorkers: async () => state.connected && new Set(state.connected),
    async claimDead(worker, silenceMs) {
      await step(`claim ${worker} ${silenceMs}`);
      return state.claimed;
    },
    async releaseWorker(token) {
      await step(`release ${token}`);
      return 3;
    },
    report: (event, detail) => reports.push({ event, ...detail }),
    ended: (worker, jobs, drained) => done.push(`${drained ? 'drained' : 'died'} ${worker} ${jobs}`),
  });
  async function run(nowMs: number): Promise<void> {
    await sweep(nowMs);
    await judge(nowMs);
  }
  return { done, reports, state, run, judge, did: () => done.splice(0) };
}

const SWEPT = ['queues', 'sweep m@1', 'sweep n@1'];
const RECOVERED = [...SWEPT, 'recover m@1', 'recover n@1'];

test('every queue is swept each time, and lapsed locks are looked for every other time', async () => {
  const { did, run } = puppet();
  for (const [second, expected] of [SWEPT, RECOVERED, SWEPT, RECOVERED].entries()) {
    await run(second * 1_000);
    assert.deepEqual(did(), expected);
  }
});

test('a queue that cannot be asked keeps none of the others from being swept', async () => {
  const { did, state, run } = puppet();
  state.away = 'sweep m@1';
  await run(0);
  assert.deepEqual(did(), ['queues', 'sweep n@1']);
});

test('jobs that wait again are reported, and no report is made of none', async () => {
  const { reports, state, run } = puppet();
  await run(0);
  await run(1_000);
  assert.deepEqual(reports, []);
  state.lapsed = 2;
  await run(2_000);
  await run(3_000);
  const event = 'jobs with lapsed locks wait again';
  assert.deepEqual(reports, [
    { event, queue: 'm@1', jobs: 2 },
    { event, queue: 'n@1', jobs: 2 },
  ]);
});

test('a worker that is silent for more than ten seconds is dead and its jobs are released', async () => {
  const { reports, state, run, did } = puppet();
  state.silences = [
    ['lively', 900],
    ['slow', 10_000],
    ['dead', 10_001],
  ];
  await run(0);
  assert.deepEqual(did().slice(SWEPT.length), ['claim dead 10000', 'release w:1', 'died dead 3']);
  assert.deepEqual(reports, [{ event: 'a silent worker is dead', worker: 'dead', jobs: 3 }]);
});

test('a worker whose last word was that it has stopped is told as drained, not as dead', async () => {
  const { reports, state, run, did } = puppet();
  state.silences = [['w', 10_001]];
  state.drained = ['w'];
  await run(0);
  assert.deepEqual(did().slice(SWEPT.length), ['claim w 10000', 'release w:1', 'drained w 3']);
  assert.deepEqual(reports, [{ event: 'a worker that has drained is gone', worker: 'w', jobs: 3 }]);
});

test('one without a connection is dead after two seconds, where its connections can be known', async () => {
  const { state, run, did } = puppet();
  state.silences = [
    ['vanished', 2_100],
    ['stopped', 2_100],
  ];
  await run(0);
  assert.deepEqual(did(), SWEPT);
  state.connected = ['stopped'];
  await run(1_000);
  assert.deepEqual(did().slice(RECOVERED.length), ['claim vanished 2000', 'release w:1', 'died vanished 3']);
  const named = { worker: 'w', named: true };
  assert.equal(silenceLimitMs(named, new Set(['other'])), 2_000);
  assert.equal(silenceLimitMs(named, new Set(['w'])), 10_000);
  assert.equal(silenceLimitMs({ worker: 'w', named: false }, new Set()), 10_000);
});

test('the verdict is asked for by itself: nothing is asked of Redis while nobody is silent, and one asks at a time', async () => {
  const { state, judge, did } = puppet();
  state.silences = [['lively', 1_900]];
  await judge(0);
  assert.deepEqual(did(), []);
  state.silences = [['dead', 10_001]];
  await Promise.all([judge(250), judge(500)]);
  assert.deepEqual(did(), ['claim dead 10000', 'release w:1', 'died dead 3']);
  await judge(750);
  assert.deepEqual(did(), ['claim dead 10000', 'release w:1', 'died dead 3']);
});

test('after a failed verdict nobody is judged for five seconds', async () => {
  const { state, judge, did } = puppet();
  state.silences = [['dead', 10_001]];
  state.away = 'claim dead 10000';
  await judge(1_000);
  state.away = '';
  await judge(5_999);
  assert.deepEqual(did(), []);
  await judge(6_000);
  assert.equal(did()[0], 'claim dead 10000');
});

test("a worker that Redis' clock has alive, or that another gateway was faster with, is left alone", async () => {
  const { reports, state, run, did } = puppet();
  state.silences = [['w', 20_000]];
  state.claimed = undefined;
  await run(0);
  await run(1_000);
  assert.equal(did().at(-1), 'claim w 10000');
  assert.deepEqual(reports, []);
});

test('after a failed command nobody is judged for five seconds, and sweeping goes on', async () => {
  const { state, run, did } = puppet();
  state.away = 'sweep n@1';
  await run(10_000);
  state.away = '';
  did();
  for (const [nowMs, expected] of [
    [11_000, SWEPT],
    [12_000, SWEPT],
    [14_999, SWEPT],
    [15_000, SWEPT],
    [15_001, RECOVERED],
  ] as const) {
    await run(nowMs);
    assert.deepEqual(did(), expected);
  }
});

test('after a command that Redis refused it holds back for two seconds only, unless Redis has just started', async () => {
  for (const [message, heldBackMs] of [
    ['READONLY no', 2_000],
    ['MISCONF no', 2_000],
    ['LOADING wait', 5_000],
  ] as const) {
    const { state, run, did } = puppet();
    state.error = Object.assign(new Error(message), { name: 'ReplyError' });
    state.away = 'sweep n@1';
    await run(10_000);
    state.away = '';
    for (const nowMs of [10_000 + heldBackMs - 2, 10_000 + heldBackMs - 1]) {
      did();
      await run(nowMs);
      assert.deepEqual(did(), SWEPT, message);
    }
    await run(10_000 + heldBackMs);
    assert.deepEqual(did(), RECOVERED, message);
  }
});
