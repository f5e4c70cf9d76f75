/**
 * The chart by Helm itself: it lints, and for the same values it prints what `batchyard k8s render` prints. Nothing is installed:
 * that takes a cluster.
 */
import assert from 'node:assert/strict';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { parseAllDocuments } from 'yaml';

import { renderManifests } from '../../../apps/cli/src/k8s/render.ts';
import { makeValues } from '../../../apps/cli/src/k8s/values.ts';
import { SETTINGS } from '../chart-settings.ts';
import { isThere, run } from './run.ts';

const MODULE = 'helm.sh/helm/v3/cmd/helm@v3.14.4';
/** Helm without a cluster takes another one for granted that is older than the chart allows. */
const KUBERNETES = '1.30.0';

/** That of this machine, or built from source (some three minutes, once). */
async function findHelm(cache: string): Promise<string> {
  if (await isThere('helm')) return 'helm';
  const built = join(cache, 'helm');
  const known = await access(built).then(
    () => true,
    () => false,
  );
  if (known) return built;
  if (!(await isThere('go'))) throw new Error('this needs Helm, or Go to build it with');
  await run('go', ['install', MODULE], { env: { GOBIN: cache } });
  return built;
}

type Named = { readonly kind: string; readonly metadata: { readonly name: string } };

const byName = (text: string): Record<string, unknown> =>
  Object.fromEntries(
    parseAllDocuments(text)
      .map((document) => document.toJS() as Named | null)
      .filter((one) => one !== null)
      .map((one) => [`${one.kind} ${one.metadata.name}`, one]),
  );

/** @returns how many manifests were compared. @throws Error, AssertionError */
export async function checkChart(root: string, cache: string): Promise<number> {
  const helm = await findHelm(cache);
  const chart = join(root, 'infra/helm/batchyard');
  await run(helm, ['lint', chart]);
  const folder = await mkdtemp(join(tmpdir(), 'batchyard-helm-'));
  let compared = 0;
  try {
    for (const sets of SETTINGS) {
      const values = makeValues({}, sets);
      const file = join(folder, 'values.json');
      await writeFile(file, JSON.stringify(values));
      const printed = byName(await run(helm, ['template', 'yard', chart, '--kube-version', KUBERNETES, '-f', file]));
      assert.deepEqual(printed, byName(renderManifests(values, 'yard')), sets.join(' '));
      compared += Object.keys(printed).length;
    }
    const wrong = ['template', 'yard', chart, '--kube-version', KUBERNETES];
    await assert.rejects(run(helm, wrong), /auth\.apiKeysSecret/);
    await assert.rejects(run(helm, [...wrong, '--set', 'auth.insecure=true,surprise=1']), /surprise/);
  } finally {
    await rm(folder, { recursive: true });
  }
  return compared;
}
