/** The settings of `batchyard up`: the only reader of its environment. Flags come in as overrides. */
import { DURABILITIES } from '@batchyard/shared/contract/durability';
import { MOST_WORKERS, parseWorkers } from '@batchyard/shared/contract/scaling';
import { settingsOf, type Setting } from '@batchyard/shared/contract/settings';
import { z } from 'zod';

const port = z.coerce.number().int().min(0).max(65_535);

const WORKERS = `give a number of workers (3) or a range for the autoscaler (1:8), from 1 to ${MOST_WORKERS}, the smaller one first`;

const schema = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: port.default(8000),
  /** Unset: 8001, or none where that is in use. */
  GRPC_PORT: z.union([z.literal('off'), port]).optional(),
  OPS_HOST: z.string().default('127.0.0.1'),
  OPS_PORT: port.default(8002),
  REDIS_URL: z.string().optional(),
  /** REDIS_URL names nodes of a Redis Cluster, with commas between them. */
  BATCHYARD_REDIS_CLUSTER: z
    .enum(['', '0', '1', 'false', 'true'])
    .default('')
    .transform((value) => value === '1' || value === 'true'),
  REDIS_BIN: z.string().optional(),
  NODE_ENV: z.string().default(''),
  PATH: z.string().default(''),
  BATCHYARD_DATA: z.string().default('.batchyard'),
  BATCHYARD_MODELS: z.string().default('models'),
  BATCHYARD_WORKERS: z
    .string()
    .default('1')
    .transform((text, context) => {
      const workers = parseWorkers(text);
      if (!workers) context.addIssue({ code: 'custom', message: WORKERS });
      return workers ?? z.NEVER;
    }),
  /** Behind one public port. */
  BATCHYARD_GATEWAYS: z.coerce.number().int().min(1).max(64).default(1),
  BATCHYARD_REDIS: z.enum(['auto', 'private', 'bundled']).default('auto'),
  BATCHYARD_REDIS_MAXMEMORY: z
    .string()
    .regex(/^[0-9]+(kb|mb|gb)?$/i)
    .default('256mb'),
  BATCHYARD_DURABILITY: z.enum(DURABILITIES).default('auto'),
});
export type Config = z.infer<typeof schema>;

/** @throws Error that names the setting */
export function readConfig(env: NodeJS.ProcessEnv, flags: Record<string, string | undefined> = {}): Config {
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  const parsed = schema.safeParse({ ...env, ...given });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${String(issue?.path[0])} is wrong: ${issue?.message}`);
}

/** For `batchyard config show`. */
export const settings = (): Setting[] => settingsOf(schema);
