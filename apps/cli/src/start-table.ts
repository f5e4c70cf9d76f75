/** What a person sees when everything runs. */
import pc from 'picocolors';

export type StartFacts = {
  readonly url: string;
  readonly ops: string;
  readonly models: readonly string[];
  readonly redis: string;
  readonly durable: boolean;
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

export function startTable(facts: StartFacts): string {
  const persists = facts.durable ? 'yes, append-only file (everysec)' : 'NO: what is queued is lost when Redis stops';
  const rows: [string, string][] = [
    ['public', facts.url],
    ['operations', `${facts.ops}   (/metrics, /v1/workers, /v1/queues, /board)`],
    ['models', facts.models.join(', ')],
    ['workers', String(facts.workers)],
    ['redis', facts.redis],
    ['persists', persists],
  ];
  const lines = rows.map(([name, value]) => `  ${pc.bold(name.padEnd(11))} ${value}`);
  return [`\n${pc.green('Batchyard is ready.')}`, ...lines, `\n  ${pc.bold('try')}\n  ${firstCurl(facts)}\n`].join(
    '\n',
  );
}
