/**
 * Lays out what the image of an app holds, in a folder: what tsc wrote of it and of the packages it stands on, and what a
 * clean `npm ci --omit=dev` gives it; of onnxruntime's binaries those of this platform. Plain Node: the Dockerfile runs it
 * after the build, and tests/deploy/images.test.ts starts what it has made.
 * Usage: node tools/pack-image.mjs gateway|worker FOLDER
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Beside `dist`: what is read at run time. */
const ALSO = { 'libs/queue': ['src/scripts'], 'apps/gateway': ['proto', '../dashboard/dist'] };

const manifest = (folder) => JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8'));
const folders = ['libs', 'apps'].flatMap((kind) =>
  readdirSync(join(ROOT, kind), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(ROOT, kind, entry.name, 'package.json')))
    .map((entry) => `${kind}/${entry.name}`),
);
const folderOf = new Map(folders.map((folder) => [manifest(folder).name, folder]));

/** Packages of ours that one stands on, itself included. */
function needed(name, found = new Set()) {
  const folder = folderOf.get(name);
  if (folder === undefined || found.has(folder)) return found;
  found.add(folder);
  for (const other of Object.keys(manifest(folder).dependencies ?? {})) needed(other, found);
  return found;
}

function copy(path, target) {
  const to = join(target, path);
  mkdirSync(dirname(to), { recursive: true });
  cpSync(join(ROOT, path), to, { recursive: true });
}

/** @returns the folder of onnxruntime's binaries, by platform and processor; undefined where the app has none */
function binariesIn(target) {
  const folder = join(target, 'node_modules/onnxruntime-node/bin');
  const [version] = existsSync(folder) ? readdirSync(folder) : [];
  return version === undefined ? undefined : join(folder, version);
}

function packImage(app, target) {
  const name = `@batchyard/${app}`;
  if (!folderOf.has(name)) throw new Error(`there is no app '${app}'`);
  for (const path of ['package.json', 'package-lock.json', '.npmrc', ...folders.map((one) => `${one}/package.json`)])
    copy(path, target);
  for (const folder of needed(name))
    for (const path of ['dist', ...(ALSO[folder] ?? [])]) copy(join(folder, path), target);
  execFileSync('npm', ['ci', '--omit=dev', '--workspace', name, '--prefer-offline'], {
    cwd: target,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  // A peer of a validator's types, which npm takes along with it.
  for (const unneeded of ['typescript', '@typescript', '.bin/tsc'])
    rmSync(join(target, 'node_modules', unneeded), { recursive: true, force: true });
  const binaries = binariesIn(target);
  if (binaries === undefined) return;
  for (const platform of readdirSync(binaries))
    for (const processor of readdirSync(join(binaries, platform)))
      if (platform !== process.platform || processor !== process.arch)
        rmSync(join(binaries, platform, processor), { recursive: true });
}

const [, , app, target] = process.argv;
if (app === undefined || target === undefined) {
  process.stderr.write('usage: node tools/pack-image.mjs gateway|worker FOLDER\n');
  process.exit(2);
}
packImage(app, target);
