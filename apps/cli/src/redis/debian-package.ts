/**
 * On Debian and Ubuntu without a Redis: the distribution's own packages, fetched by apt-get and unpacked without root into
 * a folder of ours. Only the server and the few libraries that a small system may lack.
 */
import { execFile } from 'node:child_process';
import { access, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { tryBinary, type RedisBinary } from './find-binary.ts';

const run = promisify(execFile);

const PACKAGES = ['redis-server', 'redis-tools'];
/** Absent under some names on some releases: then the system has what is needed, or the server will not start. */
const LIBRARIES = ['liblzf1', 'libjemalloc2', 'libatomic1', 'liblua5.1-0', 'lua-cjson', 'lua-bitop', 'libhiredis0.14'];
const LIMIT_MS = 180_000;

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

/** Where the libraries of an unpacked package are, for LD_LIBRARY_PATH. */
export async function libraryFolders(root: string): Promise<string> {
  const base = join(root, 'usr/lib');
  const found = await readdir(base, { withFileTypes: true }).catch(() => []);
  return [base, ...found.filter((entry) => entry.isDirectory()).map((entry) => join(base, entry.name))].join(':');
}

const unpacked = async (root: string): Promise<RedisBinary | undefined> =>
  tryBinary(join(root, 'usr/bin/redis-server'), await libraryFolders(root));

/** The system's own package lists where it has them; otherwise lists of ours, which are fetched once. */
export async function aptOptions(folder: string): Promise<string[]> {
  const lists = await readdir('/var/lib/apt/lists').catch(() => []);
  if (lists.some((name) => name.endsWith('_Packages') || name.endsWith('_Packages.lz4'))) return [];
  const own = [
    '-o',
    `Dir::State::Lists=${join(folder, 'lists')}`,
    '-o',
    `Dir::Cache=${join(folder, 'cache')}`,
    '-o',
    'Debug::NoLocking=1',
  ];
  await Promise.all(
    ['lists/partial', 'cache/archives/partial'].map((name) => mkdir(join(folder, name), { recursive: true })),
  );
  await run('apt-get', [...own, 'update'], { timeout: LIMIT_MS });
  return own;
}

async function download(folder: string, options: readonly string[]): Promise<void> {
  await run('apt-get', [...options, 'download', ...PACKAGES], { cwd: folder, timeout: LIMIT_MS });
  for (const name of LIBRARIES) {
    await run('apt-get', [...options, 'download', name], { cwd: folder, timeout: LIMIT_MS }).catch(() => undefined);
  }
}

const rootIn = (folder: string): string => join(folder, 'debian');

/** @returns that of an earlier time, or undefined */
export const keptRedis = async (folder: string): Promise<RedisBinary | undefined> => unpacked(rootIn(folder));

/** @param folder where it is kept for the next time; @returns undefined where this is no such system or nothing came */
export async function debianRedis(folder: string): Promise<RedisBinary | undefined> {
  const root = rootIn(folder);
  const kept = await keptRedis(folder);
  if (kept) return kept;
  if (!(await exists('/usr/bin/apt-get')) || !(await exists('/usr/bin/dpkg'))) return undefined;
  const making = join(folder, `debian.${process.pid}`);
  try {
    await mkdir(making, { recursive: true });
    await download(making, await aptOptions(making));
    const packages = (await readdir(making)).filter((name) => name.endsWith('.deb'));
    for (const name of packages) await run('dpkg', ['-x', join(making, name), making]);
    await rm(root, { recursive: true, force: true });
    await rename(making, root);
    return await unpacked(root);
  } catch {
    return undefined;
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}
