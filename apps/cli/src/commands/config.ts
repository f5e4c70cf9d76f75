/** `batchyard config show`: every setting with its value, and where the value comes from. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { shownUrl } from '@batchyard/shared/contract/durability';
import { unknownNames, type Setting } from '@batchyard/shared/contract/settings';
import type { Command } from 'commander';

import { onStderr } from '../colours.ts';
import { readConfig, settings as ownSettings } from '../config.ts';
import { findWebhookSecret } from '../redis/webhook-secret.ts';
import { table } from '../remote/show.ts';
import type { Shell } from '../shell.ts';
import { settingsByFlags, upOptions, type UpFlags } from './up-flags.ts';

type Origin = 'flag' | 'environment' | 'file' | 'default';
type Line = {
  readonly setting: string;
  readonly value: string | null;
  readonly origin: Origin;
  readonly default: string | null;
  readonly of: readonly string[];
};

const run = promisify(execFile);
/** Of the command line alone; none of the processes reads them. */
const OWN_NAMES = ['BATCHYARD_CONFIG', 'BATCHYARD_URL', 'BATCHYARD_OPS_URL', 'BATCHYARD_KEY'];
/** Read for its file alone: a process that starts asks for it by both names. */
const SECRET = /(TOKEN|SECRET|PASSWORD|_KEY)$/;
/** The environment of every program. */
const UNSHOWN = new Set(['PATH']);

/** Each app reads its own environment, so each is asked, in a process of its own. */
async function settingsOfApp(name: 'gateway' | 'worker'): Promise<Setting[]> {
  const file = new URL(`../../../${name}/dist/config.js`, import.meta.url).href;
  const script = `import(${JSON.stringify(file)}).then(({ settings }) => process.stdout.write(JSON.stringify(settings())))`;
  const { stdout } = await run(process.execPath, ['-e', script], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
  });
  return JSON.parse(stdout) as Setting[];
}

const hidden = (name: string, value: string): string => {
  if (SECRET.test(name)) return '(hidden)';
  return name === 'REDIS_URL' ? shownUrl(value) : value;
};

type Sources = readonly { readonly origin: Origin; readonly values: NodeJS.ProcessEnv }[];

function lineOf(setting: Setting, of: readonly string[], sources: Sources): Line {
  const found = sources.find(({ values }) => values[setting.name] !== undefined);
  const value = found?.values[setting.name] ?? setting.default;
  return {
    setting: setting.name,
    value: value === undefined ? null : hidden(setting.name, value),
    origin: found?.origin ?? 'default',
    default: setting.default ?? null,
    of,
  };
}

/** The first app that has a default for a setting says what it is: `up` hands its own on to the others. */
async function allLines(sources: Sources): Promise<Line[]> {
  const [gateway, worker] = await Promise.all([settingsOfApp('gateway'), settingsOfApp('worker')]);
  const apps = { up: ownSettings(), gateway, worker };
  const all = Object.entries(apps).flatMap(([app, settings]) => settings.map((setting) => ({ app, setting })));
  const names = [...new Set(all.map(({ setting }) => setting.name))].filter((name) => !UNSHOWN.has(name));
  return names.toSorted().flatMap((name) => {
    const [first, ...more] = all.filter(({ setting }) => setting.name === name);
    return first
      ? [
          lineOf(
            first.setting,
            [first, ...more].map(({ app }) => app),
            sources,
          ),
        ]
      : [];
  });
}

const from = ({ origin }: Line, file: string | undefined): string => (origin === 'file' ? `file ${file}` : origin);

function addSecret(config: Command, { env, print }: Shell): void {
  config
    .command('webhook-secret')
    .description('what webhooks are signed with: the configured secret, or the one that the first gateway made')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const secret = await findWebhookSecret(env, readConfig(env));
      print(json ? JSON.stringify({ secret }) : secret);
    });
}

export function addConfig(program: Command, shell: Shell, environment: NodeJS.ProcessEnv): void {
  const { print, file } = shell;
  const config = program.command('config').description('the settings');
  addSecret(config, shell);
  upOptions(config.command('show').description('every setting, and its value'))
    .option('--origin', 'also where the value comes from: flag over environment over file over default')
    .option('--json', 'print JSON')
    .action(async ({ origin, json, ...flags }: UpFlags & { origin?: boolean; json?: boolean }) => {
      const lines = await allLines([
        { origin: 'flag', values: settingsByFlags(flags) },
        { origin: 'environment', values: environment },
        { origin: 'file', values: file?.values ?? {} },
      ]);
      const given = [...Object.keys(environment), ...Object.keys(file?.values ?? {})];
      const unknown = unknownNames([...new Set(given)], [...lines.map(({ setting }) => setting), ...OWN_NAMES]);
      if (json) {
        print(JSON.stringify({ settings: lines, unknown, file: file?.path ?? null }));
        return;
      }
      const rows = lines.map((line) => ({
        setting: line.setting,
        value: line.value ?? '',
        ...(origin ? { from: from(line, file?.path), default: line.default ?? '', of: line.of.join(' ') } : {}),
      }));
      for (const line of table(rows)) print(line);
      for (const sentence of unknown) process.stderr.write(`${onStderr.yellow('!')} ${sentence}\n`);
    });
}
