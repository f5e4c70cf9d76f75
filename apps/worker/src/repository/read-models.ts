/**
 * Reads models out of the repository, each again only when something of its folder has changed: what lies in it is compared
 * by name, size, time and identity, which costs a few calls. A file that is being written is waited for.
 */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { openModel, type Opened } from './open-repository.ts';

export type ModelReader = {
  /** Folders that may be models. @throws Error when the repository cannot be read */
  names(): Promise<string[]>;
  /** Whether the folder has a version or a configuration. */
  isModel(name: string): Promise<boolean>;
  /** @param override a configuration as JSON, in place of the one in the folder */
  open(name: string, override?: string): Promise<Opened>;
};

type Parts = { readonly root: string; readonly pause: (ms: number) => Promise<void> };
type Look = { readonly print: string; readonly newestMs: number };

/** Entries of a model's folder that are looked at; a change among more than these may be missed. */
const MOST_ENTRIES = 2_000;
const SETTLED_MS = 500;
const SETTLE_TURN_MS = 200;
const SETTLE_TURNS = 25;
/** What could not be read is read again, though nothing is seen to have changed: the machine may have been short of something. */
const TRY_AGAIN_MS = 60_000;

async function lookAt(folder: string): Promise<Look> {
  const paths: string[] = [];
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    paths.push(entry.name);
    if (!entry.isDirectory() || !/^([0-9]+|warmup)$/.test(entry.name)) continue;
    const inside = await readdir(join(folder, entry.name)).catch(() => []);
    paths.push(...inside.map((name) => join(entry.name, name)));
  }
  const looked = await Promise.all(
    paths
      .toSorted()
      .slice(0, MOST_ENTRIES)
      .map(async (path) => {
        const stat = await lstat(join(folder, path)).catch(() => undefined);
        // A folder's own time changes with what is written into it, which is looked at by itself.
        const told = !stat || stat.isDirectory() ? [] : [stat.size, stat.mtimeMs, stat.ctimeMs, stat.ino];
        return { line: [path, ...told], mtimeMs: stat?.isFile() ? stat.mtimeMs : 0 };
      }),
  );
  return {
    print: JSON.stringify(looked.map(({ line }) => line)),
    newestMs: Math.max(0, ...looked.map(({ mtimeMs }) => mtimeMs)),
  };
}

export function createModelReader({ root, pause }: Parts): ModelReader {
  const known = new Map<string, { readonly print: string; readonly opened: Opened; readonly untilMs: number }>();

  async function settled(folder: string): Promise<Look> {
    let look = await lookAt(folder);
    for (let turn = 0; turn < SETTLE_TURNS && Math.abs(Date.now() - look.newestMs) < SETTLED_MS; turn += 1) {
      await pause(SETTLE_TURN_MS);
      const next = await lookAt(folder);
      if (next.print === look.print) return next;
      look = next;
    }
    return look;
  }
  return {
    async names() {
      const entries = await readdir(root, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
        throw new Error(`the model repository cannot be read (${error.code ?? 'unknown error'})`, { cause: error });
      });
      return entries
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name)
        .toSorted();
    },
    async isModel(name) {
      const entries = await readdir(join(root, name), { withFileTypes: true }).catch(() => []);
      return entries.some((entry) =>
        entry.isDirectory() ? /^[0-9]+$/.test(entry.name) : /^config\.(pbtxt|json)$/.test(entry.name),
      );
    },
    async open(name, override) {
      const folder = join(root, name);
      const first = await lookAt(folder);
      const printOf = (look: Look): string => `${look.print} ${override ?? ''}`;
      const before = known.get(name);
      if (before?.print === printOf(first) && Date.now() < before.untilMs) return before.opened;
      const look = await settled(folder);
      const opened = await openModel(root, name, override);
      const untilMs = opened.problems.length > 0 ? Date.now() + TRY_AGAIN_MS : Infinity;
      known.set(name, { print: printOf(look), opened, untilMs });
      return opened;
    },
  };
}
