/** docs/settings.md names exactly the settings that the programs read, with their defaults and readers. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { settings as ofSupervisor } from '../../apps/cli/src/config.ts';
import { settings as ofGateway } from '../../apps/gateway/src/config.ts';
import { settings as ofWorker } from '../../apps/worker/src/config.ts';

const PROGRAMS = { G: ofGateway(), W: ofWorker(), S: ofSupervisor() };
/** Of every program's environment. */
const NOT_OURS = ['PATH', 'NODE_ENV'];
/** The supervisor's own default is to start one. */
const DEFAULTS: Readonly<Record<string, string>> = { REDIS_URL: 'redis://127.0.0.1:6379' };

type Row = { readonly default: string; readonly of: string };

/** What the programs say. */
function expected(): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const [letter, all] of Object.entries(PROGRAMS))
    for (const { name, default: value } of all) {
      if (NOT_OURS.includes(name)) continue;
      const before = rows.get(name);
      const told = DEFAULTS[name] ?? (value === 'false' || !value ? (before?.default ?? value) : value) ?? '';
      rows.set(name, { default: told, of: before ? `${before.of} ${letter}` : letter });
    }
  return rows;
}

test('docs/settings.md tells every setting, its default and who reads it, and no other', async () => {
  const page = await readFile(new URL('../../docs/settings.md', import.meta.url), 'utf8');
  const told = new Map(
    Array.from(
      page.matchAll(/^\| `([A-Z0-9_]+)` \| (?:`([^|]*)`|–) \| ([GWS ]+) \|/gm),
      ([, name = '', value = '', of = '']) => [name, { default: value, of }],
    ),
  );
  const wanted = expected();
  assert.deepEqual([...told.keys()].toSorted(), [...wanted.keys()].toSorted());
  for (const [name, row] of wanted) assert.deepEqual(told.get(name), row, name);
});
