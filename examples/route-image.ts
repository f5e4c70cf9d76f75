/**
 * An image file → logo-router says which way of vectorising suits it → quality-predictor says how well each would come
 * out → a decision.
 *   node examples/make-image.mjs logo.ppm && npx tsx examples/route-image.ts logo.ppm [http://127.0.0.1:8000]
 */
import { readFile } from 'node:fs/promises';

import { connect } from '@batchyard/client/connect';
import { infer } from '@batchyard/client/infer';
import { pick, tensor } from '@batchyard/client/tensor';

const ROUTES = ['trace_flat', 'trace_lines', 'gradient_mesh', 'embed_raster'];
const SIZE = 64;
const PIXELS = SIZE * SIZE;
/** Below this a person should look at it. */
const GOOD_ENOUGH = 0.5;

/** Channels first, 0 to 1, of a binary PPM of 64 x 64. */
async function readImage(file: string): Promise<Float32Array> {
  const bytes = await readFile(file);
  const head = /^P6\s+64\s+64\s+255\s/.exec(bytes.toString('latin1', 0, 32));
  if (!head || bytes.length < head[0].length + 3 * PIXELS) throw new Error(`${file} is no PPM (P6) of 64 x 64`);
  const start = head[0].length;
  return Float32Array.from({ length: 3 * PIXELS }, (_, i) => {
    const channel = Math.floor(i / PIXELS);
    return (bytes[start + 3 * (i % PIXELS) + channel] ?? 0) / 255;
  });
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The eight figures of models/quality-predictor/README.md. */
function describe(image: Float32Array): number[] {
  const at = (channel: number, x: number, y: number): number => image[channel * PIXELS + y * SIZE + x] ?? 0;
  const light = (x: number, y: number): number => 0.299 * at(0, x, y) + 0.587 * at(1, x, y) + 0.114 * at(2, x, y);
  const over = (from: number, to: number, value: (x: number, y: number) => number): number[] => {
    const side = Array.from({ length: to - from }, (_, i) => from + i);
    return side.flatMap((y) => side.map((x) => value(x, y)));
  };
  const lights = over(0, SIZE, light);
  const colours = over(0, SIZE, (x, y) => {
    const [red = 0, green = 0, blue = 0] = [0, 1, 2].map((channel) => Math.min(3, Math.floor(at(channel, x, y) * 4)));
    return red * 16 + green * 4 + blue;
  });
  const slopes = over(0, SIZE - 1, (x, y) =>
    Math.max(Math.abs(light(x + 1, y) - light(x, y)), Math.abs(light(x, y + 1) - light(x, y))),
  );
  const average = mean(lights);
  const bins = Array.from({ length: 64 }, (_, bin) => colours.filter((colour) => colour === bin).length);
  return [
    average,
    Math.sqrt(mean(lights.map((value) => (value - average) ** 2))),
    mean(
      over(
        0,
        SIZE,
        (x, y) => Math.max(at(0, x, y), at(1, x, y), at(2, x, y)) - Math.min(at(0, x, y), at(1, x, y), at(2, x, y)),
      ),
    ),
    mean(slopes.map((slope) => Number(slope > 0.1))),
    mean(slopes),
    mean(slopes.map((slope) => Number(slope < 0.01))),
    mean(
      over(1, SIZE - 1, (x, y) =>
        Math.abs(4 * light(x, y) - light(x, y - 1) - light(x, y + 1) - light(x - 1, y) - light(x + 1, y)),
      ),
    ),
    bins.filter((count) => count > 0.005 * PIXELS).length / 64,
  ];
}

const [, , file = 'logo.ppm', url = 'http://127.0.0.1:8000'] = process.argv;
const server = connect({ url, apiKey: process.env['BATCHYARD_KEY'] });
const image = await readImage(file);

const routed = await infer(server, {
  model: 'logo-router',
  inputs: { IMAGE: tensor('FP32', [1, 3, SIZE, SIZE], image) },
});
const scores = pick(routed, 'ROUTE_SCORES', 'FP32').data;

// One request of four rows: the same picture with each route.
const features = describe(image);
const rows = ROUTES.flatMap((_, route) => [...features, ...ROUTES.map((__, other) => Number(other === route))]);
const judged = await infer(server, {
  model: 'quality-predictor',
  inputs: { FEATURES: tensor('FP32', [ROUTES.length, 12], rows) },
});
const qualities = pick(judged, 'EXPECTED_QUALITY', 'FP32').data;

let best = 0;
ROUTES.forEach((route, i) => {
  const score = scores[i] ?? 0;
  const quality = qualities[i] ?? 0;
  console.log(`${route.padEnd(14)} probability ${score.toFixed(2)}  expected quality ${quality.toFixed(2)}`);
  if (score * quality > (scores[best] ?? 0) * (qualities[best] ?? 0)) best = i;
});
console.log(`decision: ${(qualities[best] ?? 0) < GOOD_ENOUGH ? 'ask a person' : ROUTES[best]}`);
