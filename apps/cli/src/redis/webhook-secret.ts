/** The secret of webhooks: configured, or made by the first gateway and kept in Redis for all of them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { shownUrl } from '@batchyard/shared/contract/durability';
import { hookSecretKey } from '@batchyard/shared/contract/redis-keys';

import type { Config } from '../config.ts';
import { StopSentence } from '../stop-sentence.ts';
import { askAll } from './connect-briefly.ts';

const PREFIX = '{by0}';
const HINT = 'REDIS_URL=redis://… batchyard config webhook-secret';

/** That of the environment, or of the private Redis that runs in the data folder. */
async function urlOf({ REDIS_URL, BATCHYARD_DATA }: Config): Promise<string> {
  if (REDIS_URL !== undefined) return REDIS_URL;
  const port = await readFile(join(BATCHYARD_DATA, 'redis', 'port'), 'utf8').catch(() => undefined);
  if (port === undefined)
    throw new StopSentence(`no private Redis runs in ${BATCHYARD_DATA}, and no REDIS_URL is given`, HINT);
  return `redis://127.0.0.1:${port.trim()}`;
}

/** @throws StopSentence when there is none yet, or no Redis to ask */
export async function findWebhookSecret(env: NodeJS.ProcessEnv, config: Config): Promise<string> {
  const { BATCHYARD_WEBHOOK_SECRET: given, BATCHYARD_WEBHOOK_SECRET_FILE: file } = env;
  if (given !== undefined) return given;
  if (file !== undefined && file !== '') return (await readFile(file, 'utf8')).trim();
  const url = await urlOf(config);
  let kept: string | null;
  try {
    kept = await askAll(url, config.BATCHYARD_REDIS_CLUSTER, async (redis) => redis.get(hookSecretKey(PREFIX)));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StopSentence(`no Redis answers at ${shownUrl(url)} (${reason})`, HINT);
  }
  if (kept === null) throw new StopSentence('no gateway has made a secret yet', 'npm start');
  return kept;
}
