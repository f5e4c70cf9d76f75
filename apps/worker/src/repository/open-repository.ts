/**
 * Model files on disk, in Triton's layout: `<repository>/<model>/[config.pbtxt]` and `<model>/<version>/model.onnx`; the
 * newest version serves. A model that cannot be read is a problem of its own, never of the others, and no sentence about
 * it shows where on this machine it lies.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { MODEL_NAME } from '@batchyard/shared/contract/model';

import { externalFiles } from './external-data.ts';
import { readModelConfig, type ModelConfig } from './model-config.ts';
import { parseTextProto } from './text-proto.ts';

export type ModelDefinition = {
  readonly name: string;
  readonly version: string;
  /** Absolute path of the ONNX file. */
  readonly file: string;
  /** Of the ONNX file followed by the files that it keeps data in, in the order of their names; hexadecimal. */
  readonly sha256: string;
  readonly config: ModelConfig;
};
export type Problem = { readonly model: string; readonly sentence: string };
export type Repository = { readonly models: readonly ModelDefinition[]; readonly problems: readonly Problem[] };

const newestFirst = (a: string, b: string): number => b.localeCompare(a, undefined, { numeric: true });

async function readConfig(folder: string): Promise<ModelConfig> {
  const text = await readFile(join(folder, 'config.pbtxt'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  try {
    return readModelConfig(parseTextProto(text));
  } catch (error) {
    throw new Error(`config.pbtxt: ${error instanceof Error ? error.message : 'cannot be read'}`, { cause: error });
  }
}

/** A plain file: a symbolic link could lead anywhere. */
async function readModelFile(file: string): Promise<Buffer> {
  const stat = await lstat(file).catch(() => undefined);
  if (!stat) throw new Error('the model file is missing');
  if (!stat.isFile()) throw new Error('the model file is not a plain file');
  if (stat.size === 0) throw new Error('the model file is empty');
  return readFile(file);
}

async function hashModel(file: string): Promise<string> {
  const bytes = await readModelFile(file);
  const hash = createHash('sha256').update(bytes);
  for (const more of await externalFiles(bytes, dirname(file)))
    for await (const part of createReadStream(more)) hash.update(part as Buffer);
  return hash.digest('hex');
}

async function openModel(root: string, name: string): Promise<ModelDefinition | undefined> {
  if (!MODEL_NAME.test(name)) throw new Error('the name is no safe path segment');
  const folder = join(root, name);
  const entries = await readdir(folder, { withFileTypes: true });
  const versions = entries
    .filter((entry) => entry.isDirectory() && /^[0-9]+$/.test(entry.name))
    .map((entry) => entry.name);
  const [version] = versions.toSorted(newestFirst);
  const configured = entries.some((entry) => entry.name === 'config.pbtxt');
  if (version === undefined) {
    if (configured) throw new Error('there is no version folder');
    return undefined;
  }
  const config = await readConfig(folder);
  if (config.name !== undefined && config.name !== name)
    throw new Error(`config.pbtxt names the model ${config.name}, its folder ${name}`);
  const file = join(folder, version, config.filename);
  const sha256 = await hashModel(file);
  if (config.sha256 !== undefined && config.sha256 !== sha256)
    throw new Error('the model file, with the files it keeps data in, is not the one of batchyard.sha256');
  return { name, version, file, sha256, config };
}

/** Folders without a version folder or a configuration are no models and are passed over. */
export async function openRepository(root: string): Promise<Repository> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  const models: ModelDefinition[] = [];
  const problems: Problem[] = [];
  for (const entry of entries.filter((one) => one.isDirectory()).toSorted((a, b) => a.name.localeCompare(b.name))) {
    try {
      const model = await openModel(root, entry.name);
      if (model) models.push(model);
    } catch (error) {
      problems.push({ model: entry.name, sentence: error instanceof Error ? error.message : 'it cannot be read' });
    }
  }
  return { models, problems };
}
