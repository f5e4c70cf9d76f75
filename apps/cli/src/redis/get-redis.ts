/** A Redis to work with: the one that was named, one of our own, the distribution's, or the bundled one, in this order. */
import { join } from 'node:path';

import { shownUrl } from '@batchyard/shared/contract/durability';

import type { Config } from '../config.ts';
import { StopSentence } from '../stop-sentence.ts';
import { BUNDLED_BANNER, installLine, startBundledRedis } from './bundled-redis.ts';
import { debianRedis } from './debian-package.ts';
import { findBinary, type RedisBinary } from './find-binary.ts';
import { startPrivateRedis } from './private-redis.ts';
import { askRedis, judge, type RedisFacts } from './redis-facts.ts';

export type GotRedis = {
  readonly url: string;
  readonly facts: RedisFacts;
  /** For the start table: which one it is, and where what it keeps lies. */
  readonly described: string;
  stop(): Promise<void>;
};

async function serverBinary(config: Config, report: (sentence: string) => void): Promise<RedisBinary | undefined> {
  const found = await findBinary(config.PATH, config.REDIS_BIN);
  if (found) return found;
  if (config.REDIS_BIN !== undefined) {
    throw new StopSentence(
      `REDIS_BIN is ${config.REDIS_BIN}, which is no Redis 6.2 or later`,
      `${config.REDIS_BIN} --version`,
    );
  }
  report("no Redis on this machine; fetching the distribution's package without installing it");
  return debianRedis(join(config.BATCHYARD_DATA, 'redis-package'));
}

/** @throws StopSentence with what to type next */
export async function getRedis(config: Config, report: (sentence: string) => void): Promise<GotRedis> {
  const { REDIS_URL: named, BATCHYARD_REDIS: which, BATCHYARD_DURABILITY: durability } = config;
  if (config.BATCHYARD_REDIS_CLUSTER && (named === undefined || which !== 'auto'))
    throw new StopSentence(
      'BATCHYARD_REDIS_CLUSTER is set, but no cluster is named: REDIS_URL is to name its nodes',
      'REDIS_URL=redis://first:6379,redis://second:6379 BATCHYARD_REDIS_CLUSTER=1 batchyard up',
    );
  if (named !== undefined && which === 'auto') {
    const facts = await askRedis(named);
    judge(facts, durability, shownUrl(named));
    return {
      url: named,
      facts,
      described: `${shownUrl(named)}, version ${facts.version}`,
      stop: async () => undefined,
    };
  }
  const binary = which === 'bundled' ? undefined : await serverBinary(config, report);
  if (binary) {
    const folder = join(config.BATCHYARD_DATA, 'redis');
    const own = await startPrivateRedis({ binary, folder, maxmemory: config.BATCHYARD_REDIS_MAXMEMORY, report });
    const facts = await askRedis(own.url);
    return {
      url: own.url,
      facts,
      described: `private ${binary.version} at ${own.url}, kept in ${folder}`,
      stop: own.stop,
    };
  }
  if (which === 'private')
    throw new StopSentence('no Redis or Valkey server was found or could be fetched', installLine(process.platform));
  if (config.NODE_ENV === 'production' || durability === 'durable') {
    throw new StopSentence(
      'no Redis was found, and the bundled one keeps nothing, so it does not serve in production',
      installLine(process.platform),
    );
  }
  report(`${BUNDLED_BANNER}\nFor a real one: ${installLine(process.platform)}`);
  const own = await startBundledRedis();
  const facts = await askRedis(own.url);
  return { url: own.url, facts, described: `bundled development server at ${own.url}, in memory only`, stop: own.stop };
}
