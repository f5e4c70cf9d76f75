/**
 * Test files of pure code run many in one process: what a small one takes is the start of Node and of its compiler. A file
 * that sets something up, or looks at its process, keeps a process of its own.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const OWN_PROCESS = /\b(?:before|after)(?:Each)?\(|\bprocess\.|\bmock\b/;
/** Below so many there is little to gain, and each is told by its own name. */
const FEW = 20;

/** @returns what is to be run: the files that stay alone, and one that imports all others for each of so many processes */
export function groupTests(root, files, processes) {
  const shared = files.filter((file) => !OWN_PROCESS.test(readFileSync(join(root, file), 'utf8')));
  if (shared.length < FEW) return files;
  const folder = join(root, '.cache/test-groups');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const groups = Array.from({ length: processes }, (_, at) => {
    const own = shared.filter((_file, i) => i % processes === at);
    const group = `.cache/test-groups/${at + 1}.test.mjs`;
    const imports = own.map((file) => `import ${JSON.stringify(pathToFileURL(join(root, file)).href)};\n`);
    writeFileSync(join(root, group), imports.join(''));
    return group;
  });
  return [...groups, ...files.filter((file) => !shared.includes(file))];
}
