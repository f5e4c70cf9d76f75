/** A Python environment with packages from its registry, made once below `.cache`; undefined where there is no Python. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CACHE = fileURLToPath(new URL('../../.cache/', import.meta.url));

/** What the tests have of Python's registry, each an environment of its own; tests/support/get-tools.ts makes them ahead. */
export const PYTHON = {
  tritonHttp: ['tritonclient[http]==2.73.0', 'numpy<3'],
  tritonGrpc: ['tritonclient[grpc]==2.73.0', 'numpy<3'],
  kserve: ['kserve==0.17.0'],
  mlserver: ['mlserver==1.7.1'],
  schemathesis: ['schemathesis==4.32.5'],
} as const;

/** @returns the interpreter, or why there is none. */
export async function pythonWith(packages: readonly string[]): Promise<{ python: string } | { missing: string }> {
  const name = `python-${createHash('sha256').update(packages.join(' ')).digest('hex').slice(0, 12)}`;
  const python = `${CACHE}${name}/bin/python`;
  if (
    await access(python).then(
      () => true,
      () => false,
    )
  )
    return { python };
  const found = await run('python3', ['--version']).then(
    () => true,
    () => false,
  );
  if (!found) return { missing: 'python3 is not installed' };
  await mkdir(CACHE, { recursive: true });
  const making = `${CACHE}${name}.${process.pid}`;
  try {
    await run('python3', ['-m', 'venv', making]);
    await run(`${making}/bin/python`, ['-m', 'pip', 'install', '--quiet', ...packages], { timeout: 300_000 });
    await rename(making, `${CACHE}${name}`);
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    return { missing: `the Python packages could not be installed: ${String(error).slice(0, 200)}` };
  }
  return { python };
}
