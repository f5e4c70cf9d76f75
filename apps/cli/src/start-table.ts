/** What a person sees when everything runs. */
import { evicts, keepsJobs, type Durability, type Persistence } from '@batchyard/shared/contract/durability';

import { onStdout } from './colours.ts';

export type StartFacts = {
  readonly url: string;
  /** Host and port, as gRPC clients want it; undefined where it is off. */
  readonly grpc: string | undefined;
  /** Of each gateway. */
  readonly ops: readonly string[];
  readonly models: readonly string[];
  readonly redis: string;
  readonly durability: Durability;
  readonly persistence: Persistence;
  readonly workers: number;
};

const VALUES = JSON.stringify(Array.from({ length: 16 }, (_, i) => i));
const tensor = (name: string): string => `{"name":"${name}","shape":[1,16],"datatype":"INT32","data":${VALUES}}`;

/** The first command to try. */
export function firstCurl({ url, models }: Pick<StartFacts, 'url' | 'models'>): string {
  if (models.some((name) => name.startsWith('simple@'))) {
    return `curl -s ${url}/v2/models/simple/infer -d '{"inputs":[${tensor('INPUT0')},${tensor('INPUT1')}]}'`;
  }
  return `curl -s ${url}/v2/models/${(models[0] ?? '').split('@')[0]}`;
}

function persists({ durability, persistence }: StartFacts): string {
  const mode = `(durability ${durability})`;
  if (keepsJobs(persistence)) return `yes, append-only file (everysec)   ${mode}`;
  if (evicts(persistence)) return `NO: Redis evicts what is queued when it is full   ${mode}`;
  return `NO: what is queued is lost when Redis stops   ${mode}`;
}

export function startTable(facts: StartFacts): string {
  const rows: [string, string][] = [
    ['public', facts.url],
    ['grpc', facts.grpc ?? 'off'],
    ['operations', `${facts.ops.join(', ')}   (dashboard; /metrics, /v1/queues, /v1/workers, /board)`],
    ...(facts.ops.length > 1 ? [['gateways', String(facts.ops.length)] as [string, string]] : []),
    ['models', facts.models.join(', ')],
    ['workers', String(facts.workers)],
    ['redis', facts.redis],
    ['persists', persists(facts)],
  ];
  const lines = rows.map(([name, value]) => `  ${onStdout.bold(name.padEnd(11))} ${value}`);
  return [
    `\n${onStdout.green('Batchyard is ready.')}`,
    ...lines,
    `\n  ${onStdout.bold('try')}\n  ${firstCurl(facts)}\n`,
  ].join('\n');
}
