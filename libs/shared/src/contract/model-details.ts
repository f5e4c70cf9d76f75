/**
 * What of a model is asked for seldom: the configuration as its file has it, and the labels of its classes. Kept beside the
 * announcement, which every gateway reads each second.
 */
import { z } from 'zod';

/** A value of the configuration file; every field is a list, because a field that comes again makes one. */
export type WrittenValue = string | number | boolean | WrittenMessage;
export type WrittenMessage = { readonly [field: string]: readonly WrittenValue[] };

const writtenMessage: z.ZodType<WrittenMessage> = z.lazy(() =>
  z.record(z.string(), z.array(z.union([z.string(), z.number(), z.boolean(), writtenMessage]))),
);

export const modelDetailsSchema = z.object({
  /** In the names of Triton's model configuration; empty where there is no file. */
  config: writtenMessage,
  /** Of outputs that have a `label_filename`: the label of each index. */
  labels: z.record(z.string(), z.array(z.string())),
});
export type ModelDetails = z.infer<typeof modelDetailsSchema>;
