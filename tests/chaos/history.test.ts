/** The checker finds what it is for: a clean history passes, and each planted violation is told by its name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  aliveBetween,
  check,
  longestLifeMs,
  recoveryMs,
  rerunDelays,
  type AcceptedJob,
  type Exchange,
  type History,
  type Window,
} from './history.ts';

const expected = (model: string, seed: number): string => `${model}:${seed * 2}`;

const job = (change: Partial<AcceptedJob> = {}): AcceptedJob => ({
  id: 'a',
  model: 'm',
  seed: 1,
  submittedAt: 100,
  looks: [succeeded, succeeded],
  ...change,
});
const succeeded = { status: 'succeeded', result: 'm:2', deliveries: 1, finishedAt: 150 } as const;
const exchange = (change: Partial<Exchange> = {}): Exchange => ({
  what: 'infer',
  model: 'm',
  seed: 1,
  begunAt: 100,
  deadlineAt: 10_100,
  endedAt: 130,
  end: { kind: 'answer', status: 200, text: 'm:2' },
  ...change,
});
const window = (change: Partial<Window> = {}): Window => ({
  from: 1_000,
  to: 2_000,
  times: 1,
  graceMs: 500,
  excuses: true,
  ...change,
});

const kinds = (history: Partial<History>): string[] =>
  check({ jobs: [], exchanges: [], windows: [], ...history }, expected).violations.map(({ kind }) => kind);
const refused = { kind: 'answer', status: 503, text: 'outcome unknown' } as const;

test('a history in which nothing went wrong has no violations, and is counted', () => {
  const verdict = check(
    {
      jobs: [
        job(),
        job({ id: 'b', submittedAt: 1_900, looks: [{ ...succeeded, finishedAt: 2_100, deliveries: 2 }] }),
        job({ id: 'c', mayFail: 'poison', looks: [{ status: 'failed', failure: 'poison', finishedAt: 9 }] }),
      ],
      exchanges: [exchange(), exchange({ what: 'submit', end: { kind: 'answer', status: 202, text: '' } })],
      windows: [window()],
    },
    expected,
  );
  assert.deepEqual(verdict, { violations: [], jobs: 3, answered: 1, runAgain: 1 });
});

test('an accepted job that is missing, open or was never seen is lost', () => {
  assert.deepEqual(kinds({ jobs: [job({ looks: [{ status: 'missing' }] })] }), ['lost']);
  assert.deepEqual(kinds({ jobs: [job({ looks: [{ status: 'open' }] })] }), ['lost']);
  assert.deepEqual(kinds({ jobs: [job({ looks: [] })] }), ['lost']);
});

test('what Redis forgot may be missing, not open, and only when it was accepted before', () => {
  const forgets = (one: AcceptedJob): string[] => kinds({ jobs: [one], windows: [window({ forgets: true })] });
  const gone = { status: 'missing' } as const;
  assert.deepEqual(forgets(job({ looks: [gone, gone] })), []);
  assert.deepEqual(forgets(job({ looks: [gone, succeeded] })), ['lost']);
  assert.deepEqual(forgets(job({ looks: [{ status: 'open' }] })), ['lost']);
  assert.deepEqual(forgets(job({ submittedAt: 2_001, looks: [gone, gone] })), ['lost']);
});

test('a result of another input is wrong, in a job and in an answer', () => {
  assert.deepEqual(kinds({ jobs: [job({ seed: 2 })] }), ['wrong']);
  assert.deepEqual(kinds({ exchanges: [exchange({ seed: 2 })] }), ['wrong']);
  assert.deepEqual(kinds({ jobs: [job({ mayFail: 'poison' })] }), ['wrong']);
});

test('a terminal state, result or end that changed is found', () => {
  const change = (second: object): string[] =>
    kinds({ jobs: [job({ looks: [succeeded, { ...succeeded, ...second }] })] });
  assert.deepEqual(change({ status: 'failed' }), ['changed']);
  assert.deepEqual(change({ result: 'm:3' }), ['changed']);
  assert.deepEqual(change({ finishedAt: 151 }), ['changed']);
  assert.deepEqual(change({ status: 'missing' }), ['changed']);
});

test('a healthy job that failed, expired or was cancelled is found, during a fault as well', () => {
  for (const status of ['failed', 'expired', 'cancelled'] as const) {
    const looks = [{ status, failure: status, finishedAt: 1_500, deliveries: 1 }];
    assert.deepEqual(kinds({ jobs: [job({ looks })], windows: [window()] }), ['healthy failed']);
  }
});

test('a job computed twice needs a fault during its life, and one for each time', () => {
  const again = (deliveries: number, windows: Window[]): string[] =>
    kinds({ jobs: [job({ submittedAt: 900, looks: [{ ...succeeded, finishedAt: 2_000, deliveries }] })], windows });
  assert.deepEqual(again(2, []), ['duplicated']);
  assert.deepEqual(again(2, [window({ from: 3_000, to: 4_000 })]), ['duplicated']);
  assert.deepEqual(again(2, [window()]), []);
  assert.deepEqual(again(3, [window()]), ['duplicated']);
  assert.deepEqual(again(3, [window({ times: 2 })]), []);
});

test('one id for two submissions is found', () => {
  assert.deepEqual(kinds({ jobs: [job(), job({ seed: 1 })] }), ['duplicated']);
});

test('an exchange without an end, or with one long past its deadline, is found', () => {
  const { end: _end, endedAt: _endedAt, ...open } = exchange();
  assert.deepEqual(kinds({ exchanges: [open] }), ['unended']);
  assert.deepEqual(kinds({ exchanges: [exchange({ endedAt: 11_200 })] }), ['unended']);
  assert.deepEqual(kinds({ exchanges: [exchange({ endedAt: 11_000 })] }), []);
  assert.deepEqual(kinds({ exchanges: [exchange({ endedAt: 11_200, end: { kind: 'hung up' } })] }), ['unended']);
});

test('a refusal needs a fault that excuses it', () => {
  const refusal = (windows: Window[], change: Partial<Exchange> = {}): string[] =>
    kinds({ exchanges: [exchange({ begunAt: 2_300, endedAt: 2_400, end: refused, ...change })], windows });
  assert.deepEqual(refusal([]), ['healthy failed']);
  assert.deepEqual(refusal([window()]), []);
  assert.deepEqual(refusal([window({ graceMs: 100 })]), ['healthy failed']);
  assert.deepEqual(refusal([window({ excuses: false })]), ['healthy failed']);
  assert.deepEqual(refusal([window()], { mustSucceed: true }), ['healthy failed']);
  assert.deepEqual(refusal([window()], { end: { kind: 'broken', error: 'ECONNRESET' } }), []);
});

test('a passed deadline is excused only while the fault lasts that long', () => {
  const end = { kind: 'answer', status: 503, text: 'Request timeout expired' } as const;
  const expiry = (deadlineAt: number): string[] =>
    kinds({ exchanges: [exchange({ begunAt: 1_100, endedAt: deadlineAt, deadlineAt, end })], windows: [window()] });
  assert.deepEqual(expiry(2_200), []);
  assert.deepEqual(expiry(6_000), ['healthy failed']);
});

test('a look that finds nothing is an answer where Redis has forgotten, and only there', () => {
  const missing = exchange({ what: 'look', end: { ...refused, status: 404 } });
  assert.deepEqual(kinds({ exchanges: [missing], windows: [window({ forgets: true })] }), []);
  assert.deepEqual(kinds({ exchanges: [missing], windows: [window()] }), ['unexplained']);
  assert.deepEqual(kinds({ exchanges: [{ ...missing, what: 'infer' }], windows: [window({ forgets: true })] }), [
    'unexplained',
  ]);
});

test('a status that no fault explains is found within a fault as well', () => {
  for (const status of [400, 404, 500])
    assert.deepEqual(
      kinds({
        exchanges: [exchange({ begunAt: 1_500, endedAt: 1_600, end: { ...refused, status } })],
        windows: [window()],
      }),
      ['unexplained'],
    );
});

test('recovery ends when all that was accepted is terminal and a new request was answered', () => {
  const history = (jobs: AcceptedJob[], exchanges: Exchange[]): History => ({ jobs, exchanges, windows: [] });
  const ended = (submittedAt: number, finishedAt: number): AcceptedJob =>
    job({ submittedAt, looks: [{ ...succeeded, finishedAt }] });
  const asked = exchange({ begunAt: 2_050, endedAt: 2_100 });
  assert.equal(recoveryMs(history([ended(900, 2_300), ended(2_100, 5_000)], [asked]), 2_000), 300);
  assert.equal(recoveryMs(history([ended(900, 1_300)], [asked]), 2_000), 100);
  assert.equal(recoveryMs(history([ended(900, 1_300)], []), 2_000), Number.POSITIVE_INFINITY);
  assert.equal(recoveryMs(history([job({ looks: [] })], [asked]), 2_000), Number.POSITIVE_INFINITY);
});

test('jobs are there between two moments when they came before the later and ended after the earlier', () => {
  const lived = (submittedAt: number, finishedAt: number): AcceptedJob =>
    job({ submittedAt, looks: [{ ...succeeded, finishedAt }] });
  assert.equal(aliveBetween([lived(100, 199), lived(100, 200), lived(300, 400), lived(301, 400)], 200, 300), 2);
  assert.equal(aliveBetween([job({ looks: [] })], 200, 300), 1);
});

test('a job that ran again did so after the last blow before it', () => {
  const again = (startedAt: number, deliveries = 2): AcceptedJob =>
    job({ submittedAt: 100, looks: [{ ...succeeded, startedAt, deliveries }] });
  assert.deepEqual(rerunDelays([again(900), again(950, 1), again(2_500)], [500, 600, 2_000]), [300, 500]);
  assert.deepEqual(rerunDelays([again(900)], [50, 1_000]), []);
});

test('the longest life is that of the slowest job or answer', () => {
  const jobs = [job({ submittedAt: 100, looks: [{ ...succeeded, finishedAt: 450 }] }), job({ looks: [] })];
  const asked = exchange({ begunAt: 2_000, endedAt: 2_500 });
  const unanswered = exchange({ begunAt: 2_000, endedAt: 9_000, end: refused });
  assert.equal(longestLifeMs({ jobs, exchanges: [unanswered], windows: [] }), 350);
  assert.equal(longestLifeMs({ jobs, exchanges: [asked], windows: [] }), 500);
});
