/** `batchyard infer` and `batchyard submit`: one request, answered at once or as a job. */
import { infer } from '@batchyard/client/infer';
import { result, submit } from '@batchyard/client/jobs';
import { modelMetadata } from '@batchyard/client/models';
import type { InferRequest, Priority } from '@batchyard/client/request';
import type { Command } from 'commander';

import { reach, readSeconds, remoteOptions, type Remote, type RemoteFlags } from '../remote/remote.ts';
import { duration } from '../remote/show.ts';
import type { Shell } from '../shell.ts';
import { StopSentence } from '../stop-sentence.ts';
import { readInputs, type InputFlags } from '../tensors/read-inputs.ts';
import { resultJson, showResult } from '../tensors/show-result.ts';

type Flags = RemoteFlags &
  InputFlags & { readonly modelVersion?: string; readonly priority?: Priority; readonly output?: readonly string[] };
type SubmitFlags = Flags & {
  readonly wait?: boolean;
  readonly jobTimeout?: string;
  readonly tag?: readonly string[];
  readonly webhook?: string;
  readonly idempotencyKey?: string;
};

const CLASSES: readonly string[] = ['critical', 'high', 'normal', 'low'];

function inputOptions(command: Command): Command {
  return remoteOptions(
    command.argument('<model>').argument('[file]', 'a request in JSON, - for stdin, or an array in .npy'),
  )
    .option('--input <file...>', 'an input from an array of NumPy: NAME=a.npy, or a.npy where there is one input')
    .option('--random', 'inputs made of the metadata')
    .option('--rows <n>', 'rows of random inputs', '1')
    .option('--length <n>', 'length of free axes of random inputs', '8')
    .option('--seed <n>', 'of random inputs', '1')
    .option('--output <name...>', 'these outputs only')
    .option('--model-version <version>', 'not the newest one that is ready')
    .option('--priority <class>', CLASSES.join(', '));
}

async function requestOf(
  { server }: Remote,
  model: string,
  file: string | undefined,
  flags: Flags,
): Promise<InferRequest> {
  if (flags.priority !== undefined && !CLASSES.includes(flags.priority))
    throw new StopSentence(
      `${flags.priority} is none of ${CLASSES.join(', ')}`,
      `batchyard infer ${model} --priority high`,
    );
  const which = { model, version: flags.modelVersion };
  const inputs = await readInputs(model, file, flags, () => modelMetadata(server, which));
  return { ...which, inputs, outputs: flags.output, priority: flags.priority };
}

function tagsOf(given: readonly string[] | undefined): Record<string, string> | undefined {
  return (
    given &&
    Object.fromEntries(
      given.map((text) => {
        const split = text.indexOf('=');
        if (split < 1) throw new StopSentence(`${text} is no tag`, '--tag customer=acme');
        return [text.slice(0, split), text.slice(split + 1)];
      }),
    )
  );
}

export function addInfer(program: Command, { env, print }: Shell): void {
  inputOptions(program.command('infer').description('one request, answered at once')).action(
    async (model: string, file: string | undefined, flags: Flags) => {
      const remote = reach(flags, env);
      const request = await requestOf(remote, model, file, flags);
      const since = performance.now();
      const got = await infer(remote.server, request);
      if (remote.json) print(resultJson(got));
      else {
        const [head, ...outputs] = showResult(got);
        print(`${head}: ${duration(performance.now() - since)}`);
        for (const line of outputs) print(line);
      }
    },
  );
}

export function addSubmit(program: Command, { env, print }: Shell): void {
  inputOptions(program.command('submit').description('the same as a job, which outlives its caller'))
    .option('--wait', 'for its result, for --timeout')
    .option('--job-timeout <seconds>', 'how long the job may wait')
    .option('--tag <a=b...>', 'to find it by')
    .option('--webhook <url>', 'where its end is told')
    .option('--idempotency-key <key>', 'the same key and request are the same job')
    .action(async (model: string, file: string | undefined, flags: SubmitFlags) => {
      const remote = reach(flags, env);
      const { server, json, timeoutMs } = remote;
      const request = await requestOf(remote, model, file, flags);
      const { jobTimeout, webhook, idempotencyKey } = flags;
      const jobTimeoutMs = jobTimeout === undefined ? undefined : readSeconds(jobTimeout, '--job-timeout') * 1000;
      const job = await submit(server, { ...request, jobTimeoutMs, webhook, idempotencyKey, tags: tagsOf(flags.tag) });
      if (!flags.wait) {
        print(json ? JSON.stringify(job) : `${job.id} waits   (its result: batchyard jobs result ${job.id})`);
        return;
      }
      if (!json) print(job.id);
      const got = await result(server, job.id, { timeoutMs });
      if (json) print(resultJson(got));
      else for (const line of showResult(got)) print(line);
    });
}
