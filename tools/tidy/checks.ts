/**
 * What no linter looks at. Each check takes the tree and returns its findings as sentences that begin with the path.
 * The words looked for are written so that they do not find this file.
 */
import { posix } from 'node:path';
import type { TreeFile } from './tree.ts';

export type Check = (tree: readonly TreeFile[]) => string[];

const MAX_BYTES = 1024 * 1024;
const MAX_LINES = 300;
const UNFINISHED = /\b(?:T[O]DO|F[I]XME|X[X]X|st[u]b)s?\b/i;
const MACHINE_PATH = /(?<![\w.])\/(?:home|root|Users|work|workspace)\/[\w.-]/;
const REGISTRY = /https?:\/\/[^\s"'/]*(?:registry|npmjs|pypi|artifactory)/;

const isSource = ({ path }: TreeFile): boolean => /\.(?:ts|mjs|lua|py|sh)$/.test(path);
const named = (tree: readonly TreeFile[], path: string): TreeFile | undefined =>
  tree.find((file) => file.path === path);

/** One finding per line that matches. */
function linesWith(file: TreeFile, pattern: RegExp, what: string): string[] {
  const lines = file.text.split('\n').map((line, i) => ({ line, at: `${file.path}:${i + 1}` }));
  return lines.filter(({ line }) => pattern.test(line)).map(({ at }) => `${at}: ${what}`);
}

export const smallFiles: Check = (tree) =>
  tree
    .filter(({ bytes }) => bytes >= MAX_BYTES)
    .map(({ path, bytes }) => `${path}: ${bytes} bytes, 1 MiB is the limit`);

/** The linter counts TypeScript and JavaScript; this is for the rest. */
export const shortSources: Check = (tree) =>
  tree
    .filter((file) => /\.(?:lua|py|sh)$/.test(file.path) && file.text.split('\n').length > MAX_LINES + 1)
    .map(({ path, text }) => `${path}: ${text.split('\n').length - 1} lines, ${MAX_LINES} is the limit`);

/**
 * A queue script says what it does, its keys (as many as its name says), arguments and reply before its first statement;
 * an include says what it is for, and some script includes it.
 */
export const scriptHeaders: Check = (tree) => {
  const scripts = tree.filter(({ path }) => path.endsWith('.lua'));
  const included = new Set(
    scripts.flatMap(({ text }) => Array.from(text.matchAll(/^--- @include "(.+)"$/gm), ([, name]) => name)),
  );
  return scripts.flatMap(({ path, text }) => {
    const header = /^(?:--\[\[[\s\S]*?\]\]|(?:--.*\n)+)/.exec(text)?.[0] ?? '';
    const include = /includes\/[^.]+/.exec(path)?.[0];
    if (include && !included.has(include)) return [`${path}: no script includes it`];
    const keys = Number(/-(\d+)\.lua$/.exec(path)?.[1] ?? 0);
    const needed = include ? ['--'] : [...Array.from({ length: keys }, (_, i) => `KEYS[${i + 1}]`), 'ARGV', 'Returns'];
    return needed.filter((word) => !header.includes(word)).map((word) => `${path}: the header comment lacks ${word}`);
  });
};

export const noUnfinishedWork: Check = (tree) =>
  tree.filter(isSource).flatMap((file) => linesWith(file, UNFINISHED, 'unfinished work is an issue, not a comment'));

export const noMachinePaths: Check = (tree) =>
  tree.flatMap((file) => linesWith(file, MACHINE_PATH, `a path of somebody's machine`));

export const noRegistries: Check = (tree) =>
  tree.flatMap((file) => [
    ...linesWith(file, REGISTRY, 'the address of a package registry'),
    ...(file.path === 'package-lock.json' ? linesWith(file, /"resolved": "\w+:/, 'an address in the lock file') : []),
  ]);

/** The anchor that a heading gets: lower case, punctuation dropped, spaces to hyphens. */
const anchor = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');

function anchors({ text }: TreeFile): Set<string> {
  const prose = text.replace(/^```[\s\S]*?^```/gm, '');
  return new Set(Array.from(prose.matchAll(/^#{1,6} (.+)$/gm), ([, heading]) => anchor(heading ?? '')));
}

/** Links between the documents, and from them to files and folders of the tree. */
export const linksLead: Check = (tree) => {
  const folders = new Set(
    tree.flatMap(({ path }) => path.split('/').map((_, i, parts) => parts.slice(0, i).join('/'))),
  );
  return tree
    .filter(({ path }) => path.endsWith('.md'))
    .flatMap((file) => {
      const prose = file.text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
      const links = Array.from(prose.matchAll(/\]\(([^)\s]+)\)/g), ([, link]) => link ?? '');
      return links
        .filter((link) => !leads({ tree, folders, file }, link))
        .map((link) => `${file.path}: no such ${link}`);
    });
};

function leads(from: { tree: readonly TreeFile[]; folders: Set<string>; file: TreeFile }, link: string): boolean {
  if (/^[a-z]+:/.test(link)) return true;
  const [path = '', wanted] = decodeURIComponent(link).split('#');
  const target = path === '' ? from.file.path : posix.join(posix.dirname(from.file.path), path).replace(/\/$/, '');
  const file = named(from.tree, target);
  if (!file) return wanted === undefined && (from.folders.has(target) || target === '.');
  return wanted === undefined || anchors(file).has(wanted);
}

/** Tests that a page names in a link's cell, `[file](path): \`title\``, with the title as it stands in the source. */
export const namedTestsExist: Check = (tree) =>
  tree
    .filter(({ path }) => path.endsWith('.md'))
    .flatMap((file) =>
      Array.from(file.text.matchAll(/\]\((\S+\.test\.ts)\): `([^`\n]+)`/g), ([, link = '', title = '']) => {
        const test = named(tree, posix.join(posix.dirname(file.path), link));
        const titles = (test?.text ?? '').replaceAll("\\'", "'");
        return titles.includes(title) ? [] : [`${file.path}: no test ${title} in ${link}`];
      }).flat(),
    );

export type FailureRow = { readonly status: number; readonly retryable: boolean };

/** The table of docs/failures.md against the table of the contract, in both directions. */
export function failureFindings(failures: Readonly<Record<string, FailureRow>>, page: string): string[] {
  const rows = Array.from(page.matchAll(/^\| `(\w+)` \|(.+)\|$/gm), ([, code = '', rest = '']) => {
    return [code, rest.split('|').map((cell) => cell.trim())] as const;
  });
  const described = new Map(rows);
  const missing = Object.keys(failures).filter((code) => !described.has(code));
  return [
    ...missing.map((code) => `${code} is not described`),
    ...rows.flatMap(([code, [status, retryable, cause, remedy]]) => {
      const kind = failures[code];
      if (!kind) return [`${code} is described but does not exist`];
      const facts = status === String(kind.status) && retryable === (kind.retryable ? 'yes' : 'no');
      return [
        ...(facts ? [] : [`${code} has status ${kind.status}, retryable: ${kind.retryable}`]),
        ...(cause ? [] : [`${code} has no cause`]),
        ...(remedy ? [] : [`${code} has no remedy`]),
      ];
    }),
    ...rows
      .filter(([code], i) => rows.findIndex(([other]) => other === code) < i)
      .map(([code]) => `${code} comes twice`),
  ];
}
