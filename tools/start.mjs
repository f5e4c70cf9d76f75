/** `npm start`: prepares the checkout, then runs `batchyard up` with the arguments given. */
import { fileURLToPath } from 'node:url';

import { prepare } from './prepare.mjs';

prepare();
process.argv.splice(1, 1, fileURLToPath(new URL('../apps/cli/dist/main.js', import.meta.url)));
await import('../apps/cli/dist/main.js');
