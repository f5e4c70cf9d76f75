/** Which of the version folders of a model serve: `version_policy` of Triton's model configuration, and its default. */
import { asCount, asMessage, ConfigError, one } from './text-fields.ts';
import type { TextMessage } from './text-proto.ts';

export type VersionPolicy =
  | { readonly kind: 'latest'; readonly count: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'specific'; readonly versions: readonly string[] };

/** Of the versions on disk those that serve, the newest first, and those that the policy names in vain. */
export type ChosenVersions = { readonly versions: readonly string[]; readonly missing: readonly string[] };

/** Each version has a queue and a session of its own. */
export const MOST_VERSIONS = 32;
const WHERE = 'version_policy';

const newestFirst = (a: string, b: string): number => b.localeCompare(a, undefined, { numeric: true });

/** @throws ConfigError that names the field */
export function readVersionPolicy(policy: TextMessage | undefined): VersionPolicy {
  const kinds = Object.keys(policy ?? {});
  if (kinds.length > 1) throw new ConfigError(`${WHERE} must be one of latest, all, specific`);
  switch (kinds[0]) {
    case undefined:
      return { kind: 'latest', count: 1 };
    case 'all':
      return { kind: 'all' };
    case 'latest': {
      const latest = asMessage(one(policy, 'latest'), `${WHERE}.latest`);
      const count = asCount(one(latest, 'num_versions'), `${WHERE}.latest.num_versions`) ?? 1;
      if (count < 1) throw new ConfigError(`${WHERE}.latest.num_versions must be above 0`);
      return { kind: 'latest', count };
    }
    case 'specific': {
      const specific = asMessage(one(policy, 'specific'), `${WHERE}.specific`);
      const versions = (specific?.['versions'] ?? []).map((version) =>
        String(asCount(version, `${WHERE}.specific.versions`)),
      );
      if (versions.length === 0) throw new ConfigError(`${WHERE}.specific names no version`);
      return { kind: 'specific', versions: [...new Set(versions)] };
    }
    default:
      throw new ConfigError(`${WHERE} must be one of latest, all, specific`);
  }
}

/** @param found the names of the version folders */
export function chooseVersions(policy: VersionPolicy, found: readonly string[]): ChosenVersions {
  const sorted = found.toSorted(newestFirst);
  if (policy.kind !== 'specific') {
    const count = policy.kind === 'all' ? MOST_VERSIONS : Math.min(policy.count, MOST_VERSIONS);
    return { versions: sorted.slice(0, count), missing: [] };
  }
  const named = (version: string): boolean => policy.versions.includes(version);
  return {
    versions: sorted.filter(named).slice(0, MOST_VERSIONS),
    missing: policy.versions.filter((version) => !found.includes(version)),
  };
}
