/** The models of the memory suite in one repository: three that benchmarks are made of, and a shipped one of any length. */
import { cp, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { writeBenchModels } from '../models.ts';

export const MIXED_MODELS = ['heavy', 'mid', 'cnn', 'text-tagger'] as const;

const SHIPPED = fileURLToPath(new URL('../../models/', import.meta.url));

/** @returns the folder of the repository */
export async function writeMixedModels(): Promise<string> {
  const made = await writeBenchModels();
  const folder = `${made}-mixed`;
  await rm(folder, { recursive: true, force: true });
  for (const name of MIXED_MODELS) {
    const from = name === 'text-tagger' ? SHIPPED + name : `${made}/${name}/${name}`;
    await cp(from, `${folder}/${name}`, { recursive: true });
  }
  return folder;
}
