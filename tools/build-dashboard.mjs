/** Builds the dashboard into apps/dashboard/dist: one page, one script, one style sheet. Plain Node, and esbuild's own binary. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../apps/dashboard/', import.meta.url));

/**
 * uPlot asks for the browser's language when it is loaded, and throws where that is no language tag: a browser without a
 * locale says `en-US@posix`.
 */
const LANGUAGE = `try{new Intl.NumberFormat(navigator.language)}catch{Object.defineProperty(navigator,'language',{value:'en'})}`;

/** Fast enough to run at every start. */
export async function buildDashboard() {
  const { build, stop, transform } = await import('esbuild');
  mkdirSync(`${FOLDER}dist`, { recursive: true });
  await build({
    entryPoints: [`${FOLDER}src/main.ts`],
    outfile: `${FOLDER}dist/dashboard.js`,
    bundle: true,
    banner: { js: LANGUAGE },
    minify: true,
    format: 'esm',
    target: 'es2022',
    legalComments: 'none',
    logLevel: 'warning',
  });
  const charts = readFileSync(createRequire(`${FOLDER}package.json`).resolve('uplot/dist/uPlot.min.css'), 'utf8');
  const { code } = await transform(charts + readFileSync(`${FOLDER}src/style.css`, 'utf8'), {
    loader: 'css',
    minify: true,
  });
  writeFileSync(`${FOLDER}dist/dashboard.css`, code);
  copyFileSync(`${FOLDER}src/index.html`, `${FOLDER}dist/index.html`);
  await stop();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildDashboard();
