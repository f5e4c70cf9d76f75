/** What can be told before anything is started: ports in use, and a model folder with nothing in it. */
import { once } from 'node:events';
import { access, readdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { StopSentence } from './stop-sentence.ts';

export async function checkPort(host: string, port: number, setting: 'PORT' | 'OPS_PORT' | 'GRPC_PORT'): Promise<void> {
  if (port === 0) return;
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const sentence =
      code === 'EADDRINUSE' ? `port ${port} on ${host} is in use` : `cannot listen on ${host}:${port} (${code})`;
    throw new StopSentence(sentence, `${setting}=${port + 10} npm start`);
  } finally {
    server.close();
  }
}

export async function checkModels(folder: string): Promise<void> {
  const hint = 'BATCHYARD_MODELS=/path/to/your/models npm start   (layout: <model>/1/model.onnx)';
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined);
  if (!entries) throw new StopSentence(`the model folder ${folder} is not there`, hint);
  for (const entry of entries.filter((one) => one.isDirectory())) {
    const versions = await readdir(join(folder, entry.name)).catch(() => []);
    for (const version of versions.filter((name) => /^[0-9]+$/.test(name))) {
      const found = await access(join(folder, entry.name, version)).then(
        () => true,
        () => false,
      );
      if (found) return;
    }
  }
  throw new StopSentence(`there are no models in ${folder}`, hint);
}
