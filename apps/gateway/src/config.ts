/** The gateway's settings: the only reader of its environment. */
import { BALANCER_STRATEGIES } from '@batchyard/shared/contract/balancer';
import { DURABILITIES } from '@batchyard/shared/contract/durability';
import { settingsOf, unknownNames, type Setting } from '@batchyard/shared/contract/settings';
import { tracingSettings } from '@batchyard/shared/contract/tracing';
import { WEBHOOK_SECRET } from '@batchyard/shared/contract/webhook';
import { readFileSync } from 'node:fs';

import { z } from 'zod';

import { parseBlock } from './admission/address.ts';
import { tuningSettingsSchema } from './tuning/plan.ts';

/** `memory`: without the tier in Redis. */
const CACHE_MODES = ['on', 'memory', 'off'] as const;

const BOARD_MODES = ['read-only', 'full', 'off'] as const;

const seconds = z.coerce.number().positive();
const port = z.coerce.number().int().min(0).max(65_535);
const flag = z.enum(['', '0', '1', 'false', 'true']).transform((value) => value === '1' || value === 'true');

const schema = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: port.default(8000),
  /** gRPC, on HOST. Unset: 8001, or none where that is in use. */
  GRPC_PORT: z.union([z.literal('off'), port]).optional(),
  OPS_HOST: z.string().default('127.0.0.1'),
  OPS_PORT: port.default(8002),
  REDIS_URL: z.string().default('redis://127.0.0.1:6379'),
  /** REDIS_URL names nodes of a Redis Cluster, with commas between them. */
  BATCHYARD_REDIS_CLUSTER: flag.default(false),
  LOG_LEVEL: z.string().default('info'),
  BATCHYARD_RESULT_TTL: seconds.default(600),
  BATCHYARD_SERVER_NAME: z.string().default('batchyard'),
  BATCHYARD_MAX_WAITING: z.coerce.number().int().min(1).default(10_000),
  /** Estimated bytes of the inputs that wait for one model. */
  BATCHYARD_MAX_WAITING_BYTES: z.coerce
    .number()
    .int()
    .min(65_536)
    .default(512 * 1_048_576),
  BATCHYARD_MAX_JSON_BYTES: z.coerce
    .number()
    .int()
    .min(1024)
    .default(8 * 1_048_576),
  BATCHYARD_MAX_BINARY_BYTES: z.coerce
    .number()
    .int()
    .min(1024)
    .default(64 * 1_048_576),
  /** Of a tensor, whatever its bytes. */
  BATCHYARD_MAX_ELEMENTS: z.coerce
    .number()
    .int()
    .min(1)
    .default(2 ** 26),
  /** How many times its size a compressed body of more than 1 MiB may inflate to. */
  BATCHYARD_MAX_INFLATION: z.coerce.number().min(1).default(20),
  /** Of a request's line and headers. */
  BATCHYARD_MAX_HEADER_BYTES: z.coerce.number().int().min(1_024).max(1_048_576).default(16_384),
  /** Bytes of requests and of unread answers that the gateway holds at once. */
  BATCHYARD_MAX_BYTES_IN_FLIGHT: z.coerce
    .number()
    .int()
    .min(1_048_576)
    .default(256 * 1_048_576),
  /** Seconds that a request's head, and all of the request, may take to arrive, and its answer to be read. */
  BATCHYARD_HEADERS_TIMEOUT: seconds.default(10),
  BATCHYARD_REQUEST_TIMEOUT: seconds.default(30),
  BATCHYARD_ANSWER_TIMEOUT: seconds.default(30),
  BATCHYARD_DURABILITY: z.enum(DURABILITIES).default('auto'),
  /** `memory`: in the gateway only, not in Redis. */
  BATCHYARD_CACHE: z.enum(CACHE_MODES).default('on'),
  /** Kept results in this gateway, and those of all gateways in Redis. */
  BATCHYARD_CACHE_BYTES: z.coerce
    .number()
    .int()
    .min(65_536)
    .default(64 * 1_048_576),
  BATCHYARD_CACHE_REDIS_BYTES: z.coerce
    .number()
    .int()
    .min(0)
    .default(64 * 1_048_576),
  /** Seconds that a result is kept. */
  BATCHYARD_CACHE_TTL: seconds.default(600),
  /** Alerts are told there, in the form of Alertmanager's `POST /api/v2/alerts`. */
  BATCHYARD_ALERT_WEBHOOK: z.url({ protocol: /^https?$/ }).optional(),
  /** What webhooks of jobs are signed with; without one the first gateway makes it, for all. With …_FILE it is read from there. */
  BATCHYARD_WEBHOOK_SECRET: z
    .string()
    .regex(WEBHOOK_SECRET, 'a secret is whsec_ and at least 24 bytes in base64')
    .optional(),
  BATCHYARD_WEBHOOK_SECRET_FILE: z.string().optional(),
  /** Blocks of addresses (CIDR, separated by commas) that they may be sent to though they are not public, or not over https. */
  BATCHYARD_WEBHOOK_ALLOW_PRIVATE: z
    .string()
    .default('')
    .transform((text, context) =>
      text
        .split(',')
        .filter((one) => one.trim() !== '')
        .map((one) => {
          const block = parseBlock(one);
          if (block) return block;
          context.addIssue({ code: 'custom', message: `${one} is no block of addresses such as 10.0.0.0/8` });
          return z.NEVER;
        }),
    ),
  /** How work is spread over the workers, unless it was changed by PUT /v1/balancer. */
  BATCHYARD_STRATEGY: z.enum(BALANCER_STRATEGIES).default('adaptive'),
  /** What the operations port asks for; with …_FILE it is read from there. */
  BATCHYARD_OPS_TOKEN: z
    .string()
    .regex(/^[!-~]{16,256}$/, 'a token has 16 to 256 printable characters, and no spaces')
    .optional(),
  BATCHYARD_OPS_TOKEN_FILE: z.string().optional(),
  /** Bull Board at /board of the operations port. */
  BATCHYARD_BOARD: z.enum(BOARD_MODES).default('read-only'),
  /** `on`: the rules act by themselves; otherwise when they are asked. */
  BATCHYARD_TUNING: z.enum(['on', 'off']).default('off'),
  /** JSON: thresholds and times other than the rules' own (docs/tuning.md). */
  BATCHYARD_TUNING_RULES: z
    .string()
    .default('{}')
    .transform((text, context) => {
      try {
        return tuningSettingsSchema.parse(JSON.parse(text));
      } catch (error) {
        context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
        return z.NEVER;
      }
    }),
  /** API keys that exist from the start (docs/security.md). */
  BATCHYARD_API_KEYS_FILE: z.string().min(1).optional(),
  /** PEM: a certificate with its chain, and its key; without them a listener speaks plain HTTP. */
  BATCHYARD_TLS_CERT_FILE: z.string().min(1).optional(),
  BATCHYARD_TLS_KEY_FILE: z.string().min(1).optional(),
  BATCHYARD_OPS_TLS_CERT_FILE: z.string().min(1).optional(),
  BATCHYARD_OPS_TLS_KEY_FILE: z.string().min(1).optional(),
  BATCHYARD_INSECURE_NO_AUTH: flag.default(false),
  ...tracingSettings,
});
export type Config = z.infer<typeof schema>;

/** Settings of Batchyard's other processes, so that they are not called unknown. */
const OTHERS = [
  'BATCHYARD_DATA',
  'BATCHYARD_MODELS',
  'BATCHYARD_MODEL_CONTROL',
  'BATCHYARD_MODEL_POLL',
  'BATCHYARD_LOAD_MODELS',
  'BATCHYARD_MODEL_MEMORY',
  'BATCHYARD_WORKERS',
  'BATCHYARD_GATEWAYS',
  'BATCHYARD_WORKER_ID',
  'BATCHYARD_REDIS',
  'BATCHYARD_REDIS_MAXMEMORY',
  'BATCHYARD_THREADS',
  'BATCHYARD_SLAB_BYTES',
  'BATCHYARD_WORKER_MEMORY',
  'BATCHYARD_RUN_LIMIT_S',
  'BATCHYARD_WORKER_NICE',
  // Of the command line.
  'BATCHYARD_CONFIG',
  'BATCHYARD_URL',
  'BATCHYARD_OPS_URL',
  'BATCHYARD_KEY',
];

/** A sentence for each BATCHYARD_ variable that nobody reads, with the nearest name. */
export function unknownSettings(env: NodeJS.ProcessEnv): string[] {
  return unknownNames(Object.keys(env), [...Object.keys(schema.shape), ...OTHERS]);
}

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/;

/** The setting itself, or what the file that `…_FILE` names holds. @throws Error with a sentence a person can act on */
function withSecretFile(env: NodeJS.ProcessEnv, name: string): NodeJS.ProcessEnv {
  const path = env[`${name}_FILE`];
  if (path === undefined || path === '' || env[name] !== undefined) return env;
  try {
    return { ...env, [name]: readFileSync(path, 'utf8').trim() };
  } catch (error) {
    throw new Error(`${name}_FILE cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** @throws Error with a sentence a person can act on */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const parsed = schema.safeParse(['BATCHYARD_OPS_TOKEN', 'BATCHYARD_WEBHOOK_SECRET'].reduce(withSecretFile, env));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`${String(issue?.path[0])} is wrong: ${issue?.message}`);
  }
  for (const prefix of ['BATCHYARD', 'BATCHYARD_OPS'] as const) tlsFiles(parsed.data, prefix);
  return parsed.data;
}

/** The files of a listener's TLS. @throws Error where one of the two is missing */
export function tlsFiles(
  config: Config,
  prefix: 'BATCHYARD' | 'BATCHYARD_OPS',
): { certFile: string; keyFile: string } | undefined {
  const [certFile, keyFile] = [config[`${prefix}_TLS_CERT_FILE`], config[`${prefix}_TLS_KEY_FILE`]];
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined)
    throw new Error(`${prefix}_TLS_CERT_FILE and ${prefix}_TLS_KEY_FILE are given together or not at all`);
  return { certFile, keyFile };
}

/** Which listeners can be reached from elsewhere, and nobody has said that this is meant to be without keys. */
export const closedListeners = ({ HOST, OPS_HOST, BATCHYARD_INSECURE_NO_AUTH }: Config) => ({
  front: !BATCHYARD_INSECURE_NO_AUTH && !LOOPBACK.test(HOST),
  back: !BATCHYARD_INSECURE_NO_AUTH && !LOOPBACK.test(OPS_HOST),
});

/** @throws Error with a sentence a person can act on, where anybody could reach a listener that nothing guards */
export function refuseOpenListeners(config: Config, hasKeys: boolean): void {
  if (config.BATCHYARD_INSECURE_NO_AUTH || hasKeys) return;
  const refusal = (host: string, what: string): Error =>
    new Error(
      `refusing to listen on ${host} without ${what}: anybody could reach it. BATCHYARD_INSECURE_NO_AUTH=1 says otherwise`,
      { cause: 'docs/security.md tells how to make a key' },
    );
  if (!LOOPBACK.test(config.HOST)) throw refusal(config.HOST, 'keys');
  if (!LOOPBACK.test(config.OPS_HOST) && config.BATCHYARD_OPS_TOKEN === undefined)
    throw refusal(config.OPS_HOST, 'keys or BATCHYARD_OPS_TOKEN');
}

/** How long a client may take over each part of an exchange, ms. */
export const timeoutsOf = (config: Config) => ({
  headersMs: config.BATCHYARD_HEADERS_TIMEOUT * 1000,
  requestMs: config.BATCHYARD_REQUEST_TIMEOUT * 1000,
  answerMs: config.BATCHYARD_ANSWER_TIMEOUT * 1000,
});

/** For `batchyard config show`. */
export const settings = (): Setting[] => settingsOf(schema);
