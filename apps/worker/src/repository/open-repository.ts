/**
 * Model files on disk, in Triton's layout: `<repository>/<model>/[config.pbtxt|config.json]` and
 * `<model>/<version>/model.onnx`. Which versions serve is said by the model's version policy. A model or a version that
 * cannot be read is a problem of its own, never of the others, and no sentence about it shows where on this machine it lies.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { MODEL_NAME } from '@batchyard/shared/contract/model';
import type { ModelDetails } from '@batchyard/shared/contract/model-details';

import { externalFiles } from './external-data.ts';
import { parseJsonConfig } from './json-config.ts';
import { readModelConfig, type ModelConfig } from './model-config.ts';
import { readDetails } from './model-details.ts';
import { parseTextProto } from './text-proto.ts';
import { chooseVersions } from './version-policy.ts';

export type ModelDefinition = {
  readonly name: string;
  readonly version: string;
  /** Absolute path of the ONNX file. */
  readonly file: string;
  /** Of the ONNX file followed by the files that it keeps data in, in the order of their names; hexadecimal. */
  readonly sha256: string;
  /** Of all of these files. */
  readonly bytes: number;
  readonly config: ModelConfig;
  readonly details: ModelDetails;
  /** Changes with whatever of it changes. */
  readonly stamp: string;
};
/** Without a version it is of the whole model. */
export type Problem = { readonly model: string; readonly version?: string; readonly sentence: string };
/** Of one model: the versions that are to serve, and what is wrong with it. */
export type Opened = { readonly models: readonly ModelDefinition[]; readonly problems: readonly Problem[] };

const CONFIG_FILES = ['config.pbtxt', 'config.json'] as const;
const MOST_CONFIG_BYTES = 1_048_576;
type ConfigFile = (typeof CONFIG_FILES)[number];

const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : 'it cannot be read');

type Written = { readonly config: ModelConfig; readonly text: string; readonly where: string };

async function readText(path: string, shown: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw new Error(`${shown} is not a file`);
  if (found.size > MOST_CONFIG_BYTES) throw new Error(`${shown} has more than ${MOST_CONFIG_BYTES} bytes`);
  return readFile(path, 'utf8');
}

/** @param override a configuration as JSON, in place of the file */
async function readConfig(folder: string, file: ConfigFile | undefined, override?: string): Promise<Written> {
  const where = override === undefined ? (file ?? 'config.pbtxt') : 'the configuration given';
  const text = override ?? (file === undefined ? '' : await readText(join(folder, file), file));
  try {
    const isJson = override !== undefined || file === 'config.json';
    return { config: readModelConfig(isJson ? parseJsonConfig(text) : parseTextProto(text)), text, where };
  } catch (error) {
    throw new Error(`${where}: ${error instanceof Error ? error.message : 'cannot be read'}`, { cause: error });
  }
}

/** A plain file: a symbolic link could lead anywhere. */
async function readModelFile(file: string): Promise<Buffer> {
  const found = await lstat(file).catch(() => undefined);
  if (!found) throw new Error('the model file is missing');
  if (!found.isFile()) throw new Error('the model file is not a plain file');
  if (found.size === 0) throw new Error('the model file is empty');
  return readFile(file);
}

/** Of the file and of those that it keeps data in: their hash, and their bytes. @throws Error without a path */
export async function hashModel(file: string): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const content = await readModelFile(file);
  const hash = createHash('sha256').update(content);
  let bytes = content.byteLength;
  for (const more of await externalFiles(content, dirname(file))) {
    for await (const part of createReadStream(more)) {
      hash.update(part as Buffer);
      bytes += (part as Buffer).byteLength;
    }
  }
  return { sha256: hash.digest('hex'), bytes };
}

async function openVersion(
  folder: string,
  name: string,
  version: string,
  { config, text }: Written,
): Promise<ModelDefinition> {
  const file = join(folder, version, config.filename);
  const { sha256, bytes } = await hashModel(file);
  const wanted = config.sha256(version);
  if (wanted !== undefined && wanted !== sha256)
    throw new Error('the model file, with the files it keeps data in, is not the one of batchyard.sha256');
  const details = await readDetails(folder, config.written);
  const stamp = createHash('sha256')
    .update(JSON.stringify([sha256, text, details.labels]))
    .digest('hex');
  return { name, version, file, sha256, bytes, config, details, stamp };
}

/** @throws Error that is of the whole model */
async function openFolder(root: string, name: string, override?: string): Promise<Opened> {
  if (!MODEL_NAME.test(name)) throw new Error('the name is no safe path segment');
  const folder = join(root, name);
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw new Error(`its folder cannot be read (${error.code ?? 'unknown error'})`, { cause: error });
  });
  const found = entries.filter((entry) => entry.isDirectory() && /^[0-9]+$/.test(entry.name)).map((one) => one.name);
  const configFile = CONFIG_FILES.find((file) => entries.some((entry) => entry.name === file));
  if (found.length === 0) {
    if (configFile !== undefined) throw new Error('there is no version folder');
    return { models: [], problems: [] };
  }
  const written = await readConfig(folder, configFile, override);
  const { config } = written;
  if (config.name !== undefined && config.name !== name)
    throw new Error(`${written.where} names the model ${config.name}, its folder ${name}`);
  const { versions, missing } = chooseVersions(config.versionPolicy, found);
  const models: ModelDefinition[] = [];
  const problems: Problem[] = missing.map((version) => ({
    model: name,
    version,
    sentence: 'version_policy names it, and there is no such folder',
  }));
  for (const version of versions) {
    try {
      models.push(await openVersion(folder, name, version, written));
    } catch (error) {
      problems.push({ model: name, version, sentence: sentenceOf(error) });
    }
  }
  return { models, problems };
}

/** A folder without a version folder and without a configuration is no model. @param override configuration as JSON */
export async function openModel(root: string, name: string, override?: string): Promise<Opened> {
  try {
    return await openFolder(root, name, override);
  } catch (error) {
    return { models: [], problems: [{ model: name, sentence: sentenceOf(error) }] };
  }
}
