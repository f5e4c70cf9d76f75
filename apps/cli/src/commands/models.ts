/** `batchyard models …`: what is served. `load` and `unload` work where BATCHYARD_MODEL_CONTROL is explicit. */
import { readFile } from 'node:fs/promises';

import { call, readJson } from '@batchyard/client/call';
import { BatchyardFailure } from '@batchyard/client/failure';
import { isReady, modelMetadata, type ModelMetadata, type TensorMetadata } from '@batchyard/client/models';
import { modelPath } from '@batchyard/client/request';
import type { Command } from 'commander';

import { ask, reach, remoteOptions, route, type Remote, type RemoteFlags } from '../remote/remote.ts';
import { facts, table } from '../remote/show.ts';
import { EXIT, type Shell } from '../shell.ts';
import { addModelsOnDisk } from './models-on-disk.ts';

const FOLLOW_MS = 75_000;

type ModelLine = {
  readonly name: string;
  readonly version: string;
  readonly workers: number;
  readonly max_batch_size: number;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
};

const tensorText = ({ name, datatype, shape }: TensorMetadata): string => `${name} ${datatype}[${shape.join(',')}]`;

const modelRow = (line: ModelLine) => ({
  model: line.name,
  version: line.version,
  state: line.workers > 0 ? 'ready' : 'no worker',
  workers: String(line.workers),
  'max batch': line.max_batch_size === 0 ? '–' : String(line.max_batch_size),
  inputs: line.inputs.map(tensorText).join(', '),
});

type Inspected = {
  readonly ready: boolean;
  readonly metadata: ModelMetadata;
  readonly config: Record<string, unknown>;
};

async function inspect({ server }: Remote, model: string, version: string | undefined): Promise<Inspected> {
  const which = { model, version };
  const path = `/v2/${modelPath(which)}/config`;
  const [metadata, ready, config] = await Promise.all([
    modelMetadata(server, which),
    isReady(server, which),
    call(server, { method: 'GET', path }, readJson<Record<string, unknown>>),
  ]);
  return { ready, metadata, config };
}

function addLook(models: Command, { env, print }: Shell): void {
  remoteOptions(models.command('ls').description('all models')).action(async (flags: RemoteFlags) => {
    const { ops, json } = reach(flags, env);
    const answer = await ask<{ models: ModelLine[] }>(ops, 'GET', '/v1/models');
    if (json) print(JSON.stringify(answer));
    else for (const line of table(answer.models.map(modelRow))) print(line);
  });
  remoteOptions(models.command('inspect').argument('<model>').description('inputs, outputs, and how it is configured'))
    .option('--model-version <version>', 'not the newest one that is ready')
    .action(async (model: string, flags: RemoteFlags & { modelVersion?: string }) => {
      const remote = reach(flags, env);
      const { ready, metadata, config } = await inspect(remote, model, flags.modelVersion);
      process.exitCode = ready ? EXIT.done : EXIT.failed;
      if (remote.json) {
        print(JSON.stringify({ ready, metadata, config }));
        return;
      }
      const { inputs, outputs, versions } = metadata;
      for (const line of facts({
        model,
        versions: versions.join(', '),
        state: ready ? 'ready' : 'no worker serves it',
        inputs: inputs.map(tensorText).join(', '),
        outputs: outputs.map(tensorText).join(', '),
      }))
        print(line);
      print(JSON.stringify(config, undefined, 2));
    });
}

/** A worker that cannot load the files says so with 400, and what to look at is the files. */
function onDisk(error: unknown): unknown {
  if (!(error instanceof BatchyardFailure) || error.status !== 400) return error;
  return new BatchyardFailure('not_loaded', error.message, { status: error.status });
}

async function change(remote: Remote, path: string, body: string): Promise<void> {
  // It is answered when all workers have followed, or after a minute.
  const timeoutMs = Math.max(remote.timeoutMs, FOLLOW_MS);
  const asked = { method: 'POST' as const, path, body, timeoutMs, once: true };
  await call(remote.server, asked, (response) => response.text()).catch((error: unknown) => {
    throw onDisk(error);
  });
}

function addControl(models: Command, { env, print }: Shell): void {
  remoteOptions(models.command('load').argument('<model>').description('serve it, or its files as they are now'))
    .option('--config <file>', 'a configuration in JSON, in place of the one in the repository')
    .action(async (model: string, flags: RemoteFlags & { config?: string }) => {
      const remote = reach(flags, env);
      const config = flags.config === undefined ? undefined : await readFile(flags.config, 'utf8');
      const body = config === undefined ? {} : { parameters: { config } };
      await change(remote, route`/v2/repository/models/${model}/load`, JSON.stringify(body));
      print(remote.json ? JSON.stringify({ model, loaded: true }) : `${model} is loaded`);
    });
  remoteOptions(models.command('unload').argument('<model>').description('serve it no more')).action(
    async (model: string, flags: RemoteFlags) => {
      const remote = reach(flags, env);
      await change(remote, route`/v2/repository/models/${model}/unload`, '{}');
      print(remote.json ? JSON.stringify({ model, unloaded: true }) : `${model} is unloaded`);
    },
  );
}

export function addModels(program: Command, shell: Shell): void {
  const models = program.command('models').description('what is served');
  addLook(models, shell);
  addModelsOnDisk(models, shell);
  addControl(models, shell);
}
