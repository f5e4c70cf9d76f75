/** Brings a checkout to where it can run: dependencies from the lock file, then the build. Plain Node, nothing else needed. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const STAMP = `${ROOT}node_modules/.batchyard-lock`;

function run(command, args) {
  const { status } = spawnSync(command, args, {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (status !== 0) {
    process.stderr.write(`✗ ${command} ${args.join(' ')} failed\n`);
    process.exit(1);
  }
}

/** @throws never; ends the process with a sentence where this Node is too old */
export function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  process.stderr.write(
    `✗ Node ${process.versions.node} is too old: 20.19 or later is needed\n  next: nvm install 22\n`,
  );
  process.exit(2);
}

/** Installs when node_modules is missing or was made from another lock file; then builds what has changed. */
export function prepare() {
  checkNode();
  const lock = readFileSync(`${ROOT}package-lock.json`, 'utf8');
  const stamp = existsSync(STAMP) ? readFileSync(STAMP, 'utf8') : '';
  if (stamp !== lock) {
    process.stdout.write('installing dependencies …\n');
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
    writeFileSync(STAMP, lock);
  }
  run(process.execPath, [`${ROOT}node_modules/typescript/bin/tsc`, '-b', ROOT]);
  run(process.execPath, [`${ROOT}tools/build-dashboard.mjs`]);
}
