/**
 * Prometheus' promtool: of this machine; of the distribution's package, unpacked without root; or built from its sources
 * where there is a Go. Kept in `.cache` for the next time.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CACHE = fileURLToPath(new URL('../../.cache', import.meta.url));
const FOLDER = join(CACHE, 'promtool');
const LIMIT_MS = 300_000;
const VERSION = 'v0.55.1';

/** @returns the file, if it starts */
async function tryFile(file: string): Promise<string | undefined> {
  return run(file, ['--version'], { timeout: 10_000 }).then(
    () => file,
    () => undefined,
  );
}

async function fromPackage(making: string): Promise<string> {
  await run('apt-get', ['download', 'prometheus'], { cwd: making, timeout: LIMIT_MS });
  const name = (await readdir(making)).find((file) => file.endsWith('.deb')) ?? '';
  await run('dpkg', ['-x', join(making, name), making]);
  return join(making, 'usr/bin/promtool');
}

async function fromSources(making: string): Promise<string> {
  const source = `github.com/prometheus/prometheus/cmd/promtool@${VERSION}`;
  await run('go', ['install', source], { env: { ...process.env, GOBIN: making }, timeout: LIMIT_MS });
  return join(making, 'promtool');
}

/** @returns undefined where it cannot be had */
export async function findPromtool(): Promise<string | undefined> {
  const kept = join(FOLDER, 'promtool');
  const known = (await tryFile('promtool')) ?? (await tryFile(kept));
  if (known) return known;
  await mkdir(CACHE, { recursive: true });
  for (const get of [fromPackage, fromSources]) {
    const making = await mkdtemp(join(CACHE, 'promtool-'));
    try {
      const file = await get(making);
      await access(file);
      await mkdir(FOLDER, { recursive: true });
      await rename(file, kept);
      return await tryFile(kept);
    } catch {
      // The other way, then.
    } finally {
      await rm(making, { recursive: true, force: true });
    }
  }
  return undefined;
}

/** @returns what it says, and whether it found all well */
export async function runPromtool(promtool: string, args: readonly string[]): Promise<{ ok: boolean; said: string }> {
  const child = spawn(promtool, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (said += part.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { ok: code === 0, said };
}

/** @returns what `promtool check metrics` says of a text, a line each */
export async function checkMetrics(promtool: string, text: string): Promise<string[]> {
  const child = spawn(promtool, ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (said += part.toString()));
  child.stdin.end(text);
  await once(child, 'close');
  return said.split('\n').filter((line) => line !== '');
}
