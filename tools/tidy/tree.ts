/** The files that the project consists of: what git tracks or would track; in an unpacked archive, what is there. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `text` is empty for a binary file. `path` is relative to the root, with slashes. */
export type TreeFile = { readonly path: string; readonly bytes: number; readonly text: string };

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const NOT_OURS = new Set(['.git', 'node_modules', 'dist', '.nx', '.batchyard', '.cache', 'coverage', '__pycache__']);

function walk(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (NOT_OURS.has(entry.name)) return [];
    return entry.isDirectory() ? walk(path) : [path];
  });
}

function paths(): string[] {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const git = spawnSync('git', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  const listed = git.status === 0 ? git.stdout.split('\0').filter(Boolean) : walk('');
  return listed.filter((path) => existsSync(join(ROOT, path)));
}

export function readTree(): TreeFile[] {
  return paths().map((path) => {
    const content = readFileSync(join(ROOT, path));
    return { path, bytes: content.length, text: content.includes(0) ? '' : content.toString('utf8') };
  });
}
