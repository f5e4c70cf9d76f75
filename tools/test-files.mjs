/** Which test files there are and which step of `npm test` runs each. */
import { readdirSync } from 'node:fs';

const skipped = new Set(['node_modules', 'dist', '.git', '.nx', '.batchyard', '.cache', 'coverage']);
const unitFolders = ['libs', 'apps', 'models', 'tools', 'bench'];
const tidyFiles = new Set(['tools/tidy.test.ts', 'tools/lint/rules.test.ts']);

/** @returns {string[]} */
function testsUnder(root, folder) {
  let entries;
  try {
    entries = readdirSync(`${root}/${folder}`, { withFileTypes: true });
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
  return entries.flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : testsUnder(root, path);
    return entry.name.endsWith('.test.ts') ? [path] : [];
  });
}

/** Paths relative to `root`, sorted, by step. */
export function testFiles(root) {
  const beside = unitFolders.flatMap((folder) => testsUnder(root, folder)).toSorted();
  return {
    unit: beside.filter((file) => !tidyFiles.has(file)),
    integration: testsUnder(root, 'tests').toSorted(),
    tidy: beside.filter((file) => tidyFiles.has(file)),
  };
}
