/**
 * `npm run test:containers`: what `npm test` leaves out, as it needs root, Buildah, debootstrap and Helm (or Go to build it with):
 * the chart by Helm itself, both images as the Dockerfile makes them, and containers of them that serve. Some six minutes.
 *
 *   npm run test:containers -- --only helm
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { checkChart } from './helm.ts';
import { checkImages } from './images.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

const { values } = parseArgs({ options: { only: { type: 'string' } } });
const wanted = (name: string): boolean => values.only === undefined || values.only === name;
if (values.only !== undefined && !['helm', 'images'].includes(values.only)) throw new Error('--only helm or images');

if (wanted('helm')) {
  const cache = join(ROOT, '.cache/helm');
  await mkdir(cache, { recursive: true });
  say(
    `✔ helm: lints, refuses wrong values, and prints the ${await checkChart(ROOT, cache)} manifests that are rendered`,
  );
}
if (wanted('images')) {
  const sizes = await checkImages(ROOT);
  for (const [name, mb] of Object.entries(sizes)) say(`✔ ${name}: ${mb} MB`);
  say('✔ containers of both serve');
}
