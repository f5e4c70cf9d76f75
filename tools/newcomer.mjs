/**
 * The newcomer's path after the first request: submit and fetch, four workers, the dashboard, a load test; each as a person
 * does it, and timed. `npm run test:clone` walks it on a fresh clone.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const WORKERS = 4;
const WORKERS_LIMIT_MS = 120_000;
const EVENT_LIMIT_MS = 15_000;
const LOAD_LIMIT_MS = 60_000;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function need(truth, why) {
  if (!truth) throw new Error(why);
}

async function asJson(answer) {
  const text = await answer.text();
  need(answer.ok || answer.status === 202, `${answer.url} answered ${answer.status}: ${text}`);
  return JSON.parse(text);
}

/** The body of the README's first request. */
export function firstBody(clone) {
  const readme = readFileSync(join(clone, 'README.md'), 'utf8');
  const body = /\/infer -d '(\{[\s\S]*?\})'\n```/.exec(readme)?.[1];
  need(body, 'README.md shows no request');
  return body;
}

async function submitAndFetch({ clone, url, sums }) {
  const submitted = await fetch(`${url}/v1/models/simple/jobs`, { method: 'POST', body: firstBody(clone) });
  need(submitted.status === 202, `a submit answered ${submitted.status}`);
  const { links } = await submitted.json();
  const result = await asJson(await fetch(`${url}${links.result}?wait=30s`));
  const found = result.outputs?.find((one) => one.name === 'OUTPUT0')?.data.join();
  need(found === sums, `the job gave ${JSON.stringify(result)}`);
}

async function scale({ ops }) {
  const body = JSON.stringify({ count: WORKERS });
  const headers = { 'content-type': 'application/json' };
  await asJson(await fetch(`${ops}/v1/workers/scale`, { method: 'POST', body, headers }));
  for (const limit = Date.now() + WORKERS_LIMIT_MS; Date.now() < limit;) {
    const { workers } = await asJson(await fetch(`${ops}/v1/workers`));
    if (workers.filter(({ state }) => state === 'serving').length === WORKERS) return;
    await pause(100);
  }
  throw new Error(`there were never ${WORKERS} serving workers`);
}

async function watch({ ops }) {
  const page = await (await fetch(`${ops}/`)).text();
  for (const [, file] of page.matchAll(/(?:src|href)="\/?([\w.-]+\.(?:js|css))"/g))
    need((await fetch(`${ops}/${file}`)).ok, `the page has no ${file}`);
  need(/dashboard\.js/.test(page), 'the operations port serves no dashboard');
  const stream = await fetch(`${ops}/v1/events`, { signal: AbortSignal.timeout(EVENT_LIMIT_MS) });
  let told = '';
  for await (const chunk of stream.body) {
    told += Buffer.from(chunk).toString();
    if (/^event: sample$/m.test(told)) return;
  }
  throw new Error('the dashboard was told nothing');
}

async function loadTest({ clone, env, url, ops }) {
  const asked = ['--url', url, '--ops-url', ops, '--model', 'simple', '--rate', '100', '--seconds', '5', '--json'];
  const { stdout } = await run('npx', ['batchyard', 'loadtest', ...asked, '--threshold', 'errors<1%'], {
    cwd: clone,
    env,
    timeout: LOAD_LIMIT_MS,
  });
  const [step] = JSON.parse(stdout).steps;
  need(step?.succeeded > 0, `the load test told ${stdout.slice(0, 400)}`);
  return `${step.answered_per_s.toFixed(0)} answers/s, p99 ${step.latency.p99_ms.toFixed(1)} ms`;
}

const STEPS = [
  { what: 'submitted a job and fetched its result', step: submitAndFetch },
  { what: `scaled to ${WORKERS} workers`, step: scale },
  { what: 'saw the dashboard and its first sample', step: watch },
  { what: 'ran a load test', step: loadTest },
];

/** @param moment `{ clone, env, url, ops, sums }`; @throws Error of the first step that fails */
export async function walk(moment, say) {
  for (const { what, step } of STEPS) {
    const startedMs = performance.now();
    const told = await step(moment);
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    say(`    ${what} in ${seconds} s${told === undefined ? '' : ` (${told})`}`);
  }
}
