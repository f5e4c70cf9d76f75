/** `batchyard k8s`: manifests for Kubernetes, plain or as a Helm chart. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import type { Command } from 'commander';

import { chartFiles, renderManifests } from '../k8s/render.ts';
import { makeValues } from '../k8s/values.ts';
import type { Shell } from '../shell.ts';
import { StopSentence } from '../stop-sentence.ts';

type RenderFlags = { readonly values?: string; readonly set: readonly string[]; readonly release: string };

const RELEASE = /^[a-z](?:[-a-z0-9]{0,38}[a-z0-9])?$/;
const NEXT = 'batchyard k8s render --set auth.apiKeysSecret=batchyard-keys | kubectl apply -f -';

async function readValues(file: string | undefined): Promise<unknown> {
  return file === undefined ? {} : (JSON.parse(await readFile(file, 'utf8')) as unknown);
}

export function addK8s(program: Command, { print }: Shell): void {
  const k8s = program.command('k8s').description('run on Kubernetes');
  k8s
    .command('render')
    .description('print manifests; what may be set stands in infra/helm/batchyard/values.yaml')
    .option('--values <file>', 'values as JSON')
    .option('--set <path=value>', 'one value, as often as needed', (one: string, all: string[]) => [...all, one], [])
    .option('--release <name>', 'what everything is called', 'batchyard')
    .action(async ({ values, set, release }: RenderFlags) => {
      if (!RELEASE.test(release)) throw new StopSentence(`'${release}' is no name for Kubernetes`, NEXT);
      try {
        print(renderManifests(makeValues(await readValues(values), set), release).trimEnd());
      } catch (error) {
        throw new StopSentence(error instanceof Error ? error.message : String(error), NEXT);
      }
    });
  k8s
    .command('chart')
    .description('write the Helm chart')
    .requiredOption('--out <folder>', 'where it is to lie')
    .action(async ({ out }: { out: string }) => {
      for (const [path, text] of Object.entries(chartFiles())) {
        await mkdir(dirname(join(out, path)), { recursive: true });
        await writeFile(join(out, path), text);
      }
      print(`the chart is in ${out}`);
    });
}
