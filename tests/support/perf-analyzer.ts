/**
 * Triton's perf_analyzer, as NVIDIA builds it: the last one in tritonclient's package for Linux on x86-64 that a C library
 * of 2022 (2.35) is enough for. Of the libraries that it was linked with, CUDA's runtime is in the registry as well (no GPU
 * is needed), and libb64 is the distribution's.
 */
import { execFile } from 'node:child_process';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { aptOptions, libraryFolders } from '../../apps/cli/src/redis/debian-package.ts';
import { pythonWith } from './python.ts';

const run = promisify(execFile);
const LIBRARY = fileURLToPath(new URL('../../.cache/libb64', import.meta.url));
const PACKAGES = ['--no-deps', 'tritonclient==2.51.0', 'nvidia-cuda-runtime-cu12==12.9.79'];
const LIMIT_MS = 180_000;

export type PerfAnalyzer = { readonly file: string; readonly libraries: string };

async function starts({ file, libraries }: PerfAnalyzer): Promise<boolean> {
  const env = { ...process.env, LD_LIBRARY_PATH: libraries };
  const said = await run(file, ['--version'], { env, timeout: 10_000 }).catch(
    (error: unknown) => error as { stdout?: string; stderr?: string },
  );
  return /Perf Analyzer Version/.test(`${said.stdout}${said.stderr}`);
}

async function unpackLibrary(): Promise<void> {
  const making = `${LIBRARY}.${process.pid}`;
  try {
    await mkdir(making, { recursive: true });
    const options = await aptOptions(making);
    await run('apt-get', [...options, 'download', 'libb64-0d'], { cwd: making, timeout: LIMIT_MS });
    const name = (await readdir(making)).find((file) => file.endsWith('.deb')) ?? '';
    await run('dpkg', ['-x', join(making, name), making]);
    await rename(making, LIBRARY);
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

/** @returns the program, or why there is none */
export async function findPerfAnalyzer(): Promise<PerfAnalyzer | { readonly missing: string }> {
  const found = await pythonWith(PACKAGES);
  if ('missing' in found) return found;
  const environment = dirname(dirname(found.python));
  const [version = ''] = await readdir(join(environment, 'lib'));
  const cuda = join(environment, 'lib', version, 'site-packages/nvidia/cuda_runtime/lib');
  const program = async (): Promise<PerfAnalyzer> => ({
    file: join(environment, 'bin/perf_analyzer'),
    libraries: `${cuda}:${await libraryFolders(LIBRARY)}`,
  });
  if (await starts(await program())) return program();
  try {
    await unpackLibrary();
  } catch (error) {
    return { missing: `libb64 could not be fetched: ${String(error).slice(0, 200)}` };
  }
  const unpacked = await program();
  return (await starts(unpacked)) ? unpacked : { missing: 'perf_analyzer does not start on this machine' };
}
