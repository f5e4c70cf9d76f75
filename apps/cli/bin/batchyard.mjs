#!/usr/bin/env node
// There before anything is built, so that npm can link it when it installs; npm start and npm run build make the rest.
import { existsSync } from 'node:fs';

const built = new URL('../dist/main.js', import.meta.url);
if (existsSync(built)) await import(built.href);
else {
  process.stderr.write('✗ Batchyard is not built yet\n  next: npm run build\n');
  process.exitCode = 2;
}
