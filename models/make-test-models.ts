/**
 * Writes the repository of test models into a folder, and `simple` with them.
 * Run: `npx tsx models/make-test-models.ts <folder>`; tests call `makeTestModels`.
 */
import { argv, exit, stderr } from 'node:process';
import { fileURLToPath } from 'node:url';
import { simple } from './make-simple.ts';
import { writeModelFolder } from './model-folder.ts';
import { LENGTH_MODELS } from './length-models.ts';
import { TEST_MODELS } from './test-models.ts';

/**
 * Writes the common models, or those named, which may be of variable length too; returns their names. Throws for a name
 * that is no test model.
 */
export async function makeTestModels(folder: string, names?: readonly string[]): Promise<string[]> {
  const common = [simple, ...TEST_MODELS];
  const all = [...common, ...LENGTH_MODELS];
  const unknown = names?.find((name) => !all.some((source) => source.name === name));
  if (unknown !== undefined) throw new Error(`no test model is called ${unknown}`);
  const chosen = names ? all.filter((source) => names.includes(source.name)) : common;
  await Promise.all(chosen.map((source) => writeModelFolder(folder, source)));
  return chosen.map((source) => source.name);
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const [, , folder, ...names] = argv;
  if (folder === undefined) {
    stderr.write('usage: npx tsx models/make-test-models.ts <folder> [model …]\n');
    exit(2);
  }
  await makeTestModels(folder, names.length > 0 ? names : undefined);
}
