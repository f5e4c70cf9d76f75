/** The configuration as it is written, and the label files that it names, for whoever asks a gateway for them. */
import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { ModelDetails } from '@batchyard/shared/contract/model-details';

import { asMessage, asText, ConfigError, one } from './text-fields.ts';
import type { TextMessage } from './text-proto.ts';

const MAX_LABEL_BYTES = 1_048_576;

/** One label a line, in the order of the indices. @throws ConfigError that names the output */
async function readLabels(folder: string, output: string, filename: string): Promise<string[]> {
  const where = `label_filename of ${output}`;
  if (!/^(?!\.)[A-Za-z0-9_.-]+$/.test(filename)) throw new ConfigError(`${where} must be a plain file name`);
  const file = join(folder, filename);
  const stat = await lstat(file).catch(() => undefined);
  // A symbolic link could lead anywhere.
  if (!stat?.isFile()) throw new ConfigError(`${where} is not a plain file of the model's folder`);
  if (stat.size > MAX_LABEL_BYTES) throw new ConfigError(`${where} has more than ${MAX_LABEL_BYTES} bytes`);
  return (await readFile(file, 'utf8')).replace(/\r?\n$/, '').split(/\r?\n/);
}

/** @param folder of the model; @throws ConfigError */
export async function readDetails(folder: string, config: TextMessage): Promise<ModelDetails> {
  const labels: Record<string, string[]> = {};
  for (const value of config['output'] ?? []) {
    const output = asMessage(value, 'output');
    const name = asText(one(output, 'name'), 'output.name') ?? '';
    const filename = asText(one(output, 'label_filename'), 'output.label_filename') ?? '';
    if (filename !== '') labels[name] = await readLabels(folder, name, filename);
  }
  return { config, labels };
}
