/** The worker's settings: the only reader of its environment. */
import { MODEL_CONTROLS } from '@batchyard/shared/contract/repository';
import { parseWorkers } from '@batchyard/shared/contract/scaling';
import { settingsOf, type Setting } from '@batchyard/shared/contract/settings';
import { tracingSettings } from '@batchyard/shared/contract/tracing';
import { z } from 'zod';

const schema = z.object({
  REDIS_URL: z.string().default('redis://127.0.0.1:6379'),
  /** REDIS_URL names nodes of a Redis Cluster, with commas between them. */
  BATCHYARD_REDIS_CLUSTER: z
    .enum(['', '0', '1', 'false', 'true'])
    .default('')
    .transform((value) => value === '1' || value === 'true'),
  LOG_LEVEL: z.string().default('info'),
  BATCHYARD_MODELS: z.string().default('models'),
  /** `none`: what is there at the start; `poll`: what is there; `explicit`: what is asked for. */
  BATCHYARD_MODEL_CONTROL: z.enum(MODEL_CONTROLS).default('poll'),
  /** Seconds between two looks at the repository. */
  BATCHYARD_MODEL_POLL: z.coerce.number().min(0.1).max(3_600).default(3),
  /** What `explicit` loads at the start, comma-separated; `*` = all. */
  BATCHYARD_LOAD_MODELS: z.string().default('*'),
  BATCHYARD_DATA: z.string().default('.batchyard'),
  /** Bytes that models may take in this worker; those beyond are loaded when a job comes, and the least used go. */
  BATCHYARD_MODEL_MEMORY: z.coerce.number().int().min(1_048_576).optional(),
  BATCHYARD_RESULT_TTL: z.coerce.number().positive().default(600),
  BATCHYARD_THREADS: z.coerce.number().int().min(1).optional(),
  /** Limit of the slab pool, and of the process beyond which the pool lets go; by default as the machine allows. */
  BATCHYARD_SLAB_BYTES: z.coerce.number().int().min(1_048_576).optional(),
  BATCHYARD_WORKER_MEMORY: z.coerce.number().int().min(16_777_216).optional(),
  /** Workers on this machine, which share its memory; of a range the most. */
  BATCHYARD_WORKERS: z
    .string()
    .default('1')
    .transform((text) => {
      const workers = parseWorkers(text);
      return workers?.auto ? workers.max : (workers?.start ?? 1);
    }),
  BATCHYARD_WORKER_ID: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,64}$/)
    .optional(),
  /** A run is called hung after so many seconds, or twenty times its p99 where that is more. */
  BATCHYARD_RUN_LIMIT_S: z.coerce.number().positive().default(30),
  /** How far it gives way where other processes of the machine want the same cores; it cannot be undone without rights. */
  BATCHYARD_WORKER_NICE: z.coerce.number().int().min(0).max(19).default(0),
  /** Probes and metrics, and nothing that could be changed. */
  WORKER_OPS_HOST: z.string().default('127.0.0.1'),
  WORKER_OPS_PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  ...tracingSettings,
});
export type Config = z.infer<typeof schema>;

/** @throws Error that names the setting */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const parsed = schema.safeParse(env);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${String(issue?.path[0])} is wrong: ${issue?.message}`);
}

/** For `batchyard config show`. */
export const settings = (): Setting[] => settingsOf(schema);
