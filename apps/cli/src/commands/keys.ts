/** `batchyard keys …`: who may use the cluster. A secret is shown once, by `create`. */
import type { Command } from 'commander';

import { ask, reach, remoteOptions, route, type RemoteFlags } from '../remote/remote.ts';
import { table } from '../remote/show.ts';
import type { Shell } from '../shell.ts';
import { StopSentence } from '../stop-sentence.ts';

type KeyLine = {
  readonly id: string;
  readonly name: string;
  readonly tenant?: string;
  readonly scopes: readonly string[];
  readonly classes?: readonly string[];
  readonly rate?: { readonly rows_per_second: number; readonly burst?: number } | null;
  readonly source?: string;
};
type CreateFlags = RemoteFlags & {
  readonly tenant?: string;
  readonly scopes: string;
  readonly classes?: string;
  readonly rate?: string;
  readonly burst?: string;
};

const rateText = (rate: KeyLine['rate']): string => {
  if (rate === undefined || rate === null) return 'unbounded';
  return `${rate.rows_per_second}/s${rate.burst === undefined ? '' : `, ${rate.burst} at once`}`;
};

const keyRow = (key: KeyLine) => ({
  key: key.id,
  name: key.name,
  tenant: key.tenant ?? '',
  scopes: key.scopes.join(' '),
  classes: key.classes?.join(' ') ?? 'all',
  rate: rateText(key.rate),
  from: key.source ?? '',
});

const list = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

function rateOf({ rate, burst }: CreateFlags): object {
  if (rate === undefined) return {};
  const [rows, most] = [Number(rate), burst === undefined ? undefined : Number(burst)];
  if (!(rows > 0) || (most !== undefined && !(most > 0)))
    throw new StopSentence('--rate and --burst are numbers of rows above 0', '--rate 100 --burst 500');
  return { rate: { rows_per_second: rows, ...(most === undefined ? {} : { burst: most }) } };
}

export function addKeys(program: Command, { env, print }: Shell): void {
  const keys = program.command('keys').description('who may use the cluster');
  remoteOptions(keys.command('ls').description('all keys, without their secrets')).action(
    async (flags: RemoteFlags) => {
      const { ops, json } = reach(flags, env);
      const answer = await ask<{ keys: KeyLine[] }>(ops, 'GET', '/v1/keys');
      if (json) print(JSON.stringify(answer));
      else if (answer.keys.length === 0) print('there are no keys');
      else for (const line of table(answer.keys.map(keyRow))) print(line);
    },
  );
  remoteOptions(keys.command('create').argument('<name>').description('make a key; its secret is shown once'))
    .option('--tenant <tenant>', 'whose jobs it sees')
    .option('--scopes <scopes>', 'infer, read, admin, with commas; the first key needs admin', 'infer')
    .option('--classes <classes>', 'priorities it may ask for, with commas')
    .option('--rate <rows>', 'rows a second')
    .option('--burst <rows>', 'rows at once')
    .action(async (name: string, flags: CreateFlags) => {
      const { ops, json } = reach(flags, env);
      const terms = {
        name,
        scopes: list(flags.scopes),
        ...(flags.tenant === undefined ? {} : { tenant: flags.tenant }),
        ...(flags.classes === undefined ? {} : { classes: list(flags.classes) }),
        ...rateOf(flags),
      };
      const made = await ask<KeyLine & { secret: string }>(ops, 'POST', '/v1/keys', terms);
      if (json) print(JSON.stringify(made));
      else {
        print(`${made.name} (${made.id}) may ${made.scopes.join(', ')}. Its secret, which nobody can show again:`);
        print(made.secret);
      }
    });
  remoteOptions(keys.command('revoke').argument('<id>').description('it ends within five seconds')).action(
    async (id: string, flags: RemoteFlags) => {
      const { ops, json } = reach(flags, env);
      const answer = await ask<object>(ops, 'DELETE', route`/v1/keys/${id}`);
      print(json ? JSON.stringify(answer) : `${id} is revoked`);
    },
  );
}
