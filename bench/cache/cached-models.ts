/** A repository of one of the benchmarks' models twice: its results may be kept, and, called plain, they may not. */
import { cp, readFile, rm, writeFile } from 'node:fs/promises';

import { writeBenchModels } from '../models.ts';
import type { BenchModel } from '../model-rows.ts';

export const plainName = (model: BenchModel): string => `${model}_plain`;

/** @returns its folder */
export async function writeCachedModel(model: BenchModel): Promise<string> {
  const made = await writeBenchModels();
  const folder = `${made}-cached/${model}`;
  await rm(folder, { recursive: true, force: true });
  for (const name of [model, plainName(model)])
    await cp(`${made}/${model}/${model}`, `${folder}/${name}`, { recursive: true });
  const config = await readFile(`${made}/${model}/${model}/config.pbtxt`, 'utf8');
  await writeFile(`${folder}/${model}/config.pbtxt`, `${config}response_cache { enable: true }\n`);
  await writeFile(`${folder}/${plainName(model)}/config.pbtxt`, config.replace(`"${model}"`, `"${plainName(model)}"`));
  return folder;
}
