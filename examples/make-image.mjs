// Draws a small logo to try the routing examples with, as a PPM file (P6, 64 x 64): node examples/make-image.mjs logo.ppm [flat|lines|gradient]
import { writeFileSync } from 'node:fs';

const SIZE = 64;
const [, , file, kind = 'flat'] = process.argv;

const inCircle = (x, y) => (x - 26) ** 2 + (y - 28) ** 2 < 18 ** 2;
const inBar = (x, y) => x > 30 && x < 58 && y > 36 && y < 50;

/** Red, green and blue, 0 to 255. */
const pictures = {
  flat: (x, y) => (inCircle(x, y) ? [214, 48, 49] : inBar(x, y) ? [9, 60, 150] : [250, 246, 235]),
  lines: (x, y) => (Math.abs(((x + 2 * y) % 21) - 10) < 1.5 || Math.abs(x - y) < 1.2 ? [20, 20, 24] : [255, 255, 255]),
  gradient: (x, y) => [40 + 3 * x, 60 + x + y, 220 - 2 * y],
};

const draw = pictures[kind];
if (file === undefined || draw === undefined) {
  process.stderr.write('usage: node examples/make-image.mjs <file.ppm> [flat|lines|gradient]\n');
  process.exit(2);
}
const pixels = Array.from({ length: SIZE * SIZE }, (_, i) => draw(i % SIZE, Math.floor(i / SIZE)));
writeFileSync(file, Buffer.concat([Buffer.from(`P6\n${SIZE} ${SIZE}\n255\n`), Buffer.from(pixels.flat())]));
