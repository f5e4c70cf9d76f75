/**
 * Run after `npm install` has changed package-lock.json: `node tools/complete-lock.mjs`. npm leaves out of the lock file the
 * optional packages of other platforms that its registry did not give it, and then refuses `npm ci`. Their versions stand
 * in the packages that want them, so their entries are written from there. Download addresses are taken out.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(new URL('../package-lock.json', import.meta.url));
const OS = ['darwin', 'linux', 'win32', 'freebsd', 'android', 'openharmony', 'netbsd', 'openbsd', 'sunos', 'aix'];
const CPU = ['arm64', 'arm', 'x64', 'ia32', 's390x', 'ppc64', 'riscv64', 'loong64', 'mips64el', 'wasm32'];

/** The platform that a package of this name is for, in npm's words. */
function platformOf(name) {
  const words = name.split(/[/-]/);
  const os = OS.filter((one) => words.includes(one));
  const cpu = CPU.filter((one) => words.includes(one));
  return { ...(cpu.length > 0 ? { cpu } : {}), ...(os.length > 0 ? { os } : {}) };
}

const lock = JSON.parse(readFileSync(FILE, 'utf8'));
const { packages } = lock;
for (const entry of Object.values(packages)) {
  if (String(entry.resolved ?? '').startsWith('http')) delete entry.resolved;
}
for (const [path, entry] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const nested = `${path}/node_modules/${name}`;
    const top = `node_modules/${name}`;
    if (packages[nested] || packages[top] || !/^\d/.test(version)) continue;
    packages[top] = {
      version,
      ...(entry.dev ? { dev: true } : {}),
      license: entry.license,
      optional: true,
      ...platformOf(name),
    };
  }
}
lock.packages = Object.fromEntries(Object.entries(packages).toSorted(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
