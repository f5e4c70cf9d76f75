/** The model repository as the cluster sees it: what a worker tells of it, and what is wished of the workers. */
import { z } from 'zod';

/** As Triton: `none` loads at the start, `poll` follows the files, `explicit` does as it is told. */
export const MODEL_CONTROLS = ['none', 'poll', 'explicit'] as const;

/** The states of Triton's repository index. */
const MODEL_STATES = ['READY', 'LOADING', 'UNLOADING', 'UNAVAILABLE'] as const;

const lineSchema = z.object({
  name: z.string(),
  /** Absent where the model as a whole is meant. */
  version: z.string().optional(),
  state: z.enum(MODEL_STATES),
  /** Why it is not ready, or why a newer file of it is not the one that serves. */
  reason: z.string(),
});
export type RepositoryLine = z.infer<typeof lineSchema>;

export const repositoryReportSchema = z.object({
  control: z.enum(MODEL_CONTROLS),
  /** The wishes that were followed last, whether they could be or not. */
  obeyed: z.array(z.string()),
  models: z.array(lineSchema),
});
export type RepositoryReport = z.infer<typeof repositoryReportSchema>;

/** That a model be loaded or unloaded everywhere, also by workers that start later; the last one for a model counts. */
export const modelWishSchema = z.object({
  load: z.boolean(),
  /** A configuration as JSON, in place of the one in the repository. */
  config: z.string().optional(),
  /** Of this wish, no two alike. */
  id: z.string(),
});
export type ModelWish = z.infer<typeof modelWishSchema>;

/** Bounds of what stands in Redis. */
export const LONGEST_CONFIG = 65_536;
export const MOST_WISHES = 4_096;
export const LONGEST_REASON = 300;
export const MOST_LINES = 4_096;
export const MOST_OBEYED = 256;
