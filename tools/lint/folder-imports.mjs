/**
 * Lint rule `batchyard/folder-imports`: who may import whom, as folders.mjs says it. Tests are free, and so is
 * everything outside apps/ and libs/.
 */
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { doors, edgeFolders, libraries, meetingPlaces, pureFolders, purePackages, wiringPart } from './folders.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const inside = (path, folder) => path === folder || path.startsWith(`${folder}/`);
const folderOf = (path, folders) => folders.find((folder) => inside(path, folder));
const packageOf = (path) => path.split('/').slice(0, 2).join('/');
const posix = (path) => path.split(sep).join('/');

/** What a specifier means: a path of this repository without extension, or the name of a package. */
function resolve(file, specifier) {
  if (specifier.startsWith('.')) return { path: posix(join(dirname(file), specifier)).replace(/\.ts$/, '') };
  const parts = specifier.split('/');
  const ours = parts[0] === '@batchyard' && parts[1];
  if (ours) {
    const home = libraries.includes(ours) ? 'libs' : 'apps';
    return { path: [home, ours, 'src', ...parts.slice(2)].join('/') };
  }
  return { name: specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0] };
}

function packageProblem(file, name) {
  if (folderOf(file, pureFolders) && !purePackages.includes(name)) {
    return `A pure folder imports no package but ${purePackages.join(', ')}: "${name}" belongs to an edge folder.`;
  }
  const door = doors.find(({ packages }) => packages.includes(name));
  if (!door || door.folders.some((folder) => inside(file, folder))) return undefined;
  return `"${name}" has one door: ${door.folders.join(', ')}.`;
}

function pathProblem(file, path, specifier) {
  const [from, to] = [packageOf(file), packageOf(path)];
  if (from !== to && to.startsWith('apps/'))
    return `Nothing imports an app from outside: what is shared lives in libs.`;
  if (from !== to && specifier.startsWith('.')) return `Another package is imported by its name, not by a path.`;
  if (/^apps\/[^/]+\/src\/main$/.test(path)) return 'main.ts only wires: nothing imports it.';
  const pure = folderOf(file, pureFolders);
  const contract = pureFolders[0];
  if (pure && !inside(path, pure)) {
    const target = folderOf(path, pureFolders);
    const allowed = pure !== contract && target && (target.startsWith('libs/') || to === from);
    return allowed
      ? undefined
      : `${pure} is pure: it imports itself and the pure folders of its app and of the libraries only.`;
  }
  const edge = folderOf(path, edgeFolders);
  const own = file.slice(`${from}/src/`.length);
  const meetsHere = meetingPlaces.includes(own) || wiringPart.test(own);
  if (!edge || inside(file, edge) || meetsHere) return undefined;
  return `${edge} is an edge folder: stages meet only in ${meetingPlaces.join(', ')} and open-….ts.`;
}

/** Why `file` (relative to the root, with slashes) may not import `specifier`, or nothing. */
function importProblem(file, specifier) {
  const { path, name } = resolve(file, specifier);
  return path === undefined ? packageProblem(file, name) : pathProblem(file, path, specifier);
}

export const folderImports = {
  create(context) {
    const file = posix(relative(ROOT, context.filename));
    if (!/^(apps|libs)\//.test(file) || file.endsWith('.test.ts')) return {};
    const check = (node) => {
      const message = typeof node?.value === 'string' ? importProblem(file, node.value) : undefined;
      if (message) context.report({ node, message });
    };
    return {
      ImportDeclaration: (node) => check(node.source),
      ImportExpression: (node) => check(node.source),
      ExportAllDeclaration: (node) => check(node.source),
      ExportNamedDeclaration: (node) => check(node.source),
      TSImportType: (node) => check(node.source),
    };
  },
};
