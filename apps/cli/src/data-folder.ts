/** One `batchyard up` at a time in a data folder: a file with its pid, which a dead one leaves behind and the next takes over. */
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { StopSentence } from './stop-sentence.ts';

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/** @returns what gives the folder back; @throws StopSentence when another one has it */
export async function takeDataFolder(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'up.pid');
  for (let turn = 0; turn < 2; turn += 1) {
    try {
      const handle = await open(file, 'wx');
      await handle.writeFile(String(process.pid));
      await handle.close();
      return () => rm(file, { force: true });
    } catch {
      const pid = Number(await readFile(file, 'utf8').catch(() => '0'));
      if (pid > 0 && pid !== process.pid && alive(pid)) {
        throw new StopSentence(
          `Batchyard already runs with the data folder ${resolve(folder)} (process ${pid})`,
          `kill ${pid}   (or: BATCHYARD_DATA=.batchyard-2 PORT=8010 OPS_PORT=8012 npm start)`,
        );
      }
      await rm(file, { force: true });
    }
  }
  throw new StopSentence(`the data folder ${resolve(folder)} cannot be taken`, `ls -la ${folder}`);
}
