/** `batchyard doctor`: what this machine and its Redis are like, in lines of a person's length. */
import { join } from 'node:path';

import { shownUrl } from '@batchyard/shared/contract/durability';

import type { Config } from './config.ts';
import { findBinary } from './redis/find-binary.ts';
import { askRedis, judge } from './redis/redis-facts.ts';

export type Finding = { readonly what: string; readonly ok: boolean; readonly detail: string };

export async function examine(config: Config): Promise<Finding[]> {
  const findings: Finding[] = [{ what: 'node', ok: true, detail: process.version }];
  if (config.REDIS_URL !== undefined) {
    try {
      const facts = await askRedis(config.REDIS_URL);
      judge(facts, config.BATCHYARD_DURABILITY, shownUrl(config.REDIS_URL));
      findings.push({
        what: 'redis',
        ok: true,
        detail: `${facts.version}, policy ${facts.policy}, append-only file ${facts.appendOnly ? 'on' : 'off'}`,
      });
    } catch (error) {
      findings.push({ what: 'redis', ok: false, detail: error instanceof Error ? error.message : String(error) });
    }
  } else {
    const binary = await findBinary(config.PATH, config.REDIS_BIN);
    const detail = binary
      ? `${binary.file} ${binary.version}`
      : `none here; kept package in ${join(config.BATCHYARD_DATA, 'redis-package')} or the bundled one`;
    findings.push({ what: 'redis server', ok: binary !== undefined, detail });
  }
  return findings;
}
