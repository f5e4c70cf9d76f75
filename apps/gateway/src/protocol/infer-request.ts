/** An inference request as it leaves the codec: checked against its model, ready for the queue. */
import type { PriorityClass } from '@batchyard/shared/contract/job';
import type { BlobTensor } from '@batchyard/shared/contract/tensor-blob';

export type RequestedOutput = {
  /** Position in the model's declared outputs. */
  readonly position: number;
  /** As raw bytes behind the JSON of the response. */
  readonly binary: boolean;
  /** Answer with the labels of the so many largest values instead of the tensor. */
  readonly classification?: number;
};

export type RequestParameters = {
  /** Undefined: the client left it to the server. */
  readonly priority: PriorityClass | undefined;
  /** Where the model has priority levels: the level asked for. */
  readonly level?: number | undefined;
  /** Whole milliseconds, at least 1 and at most MAX_TIMEOUT_MS. */
  readonly timeoutMs: number | undefined;
};

export type InferRequest = {
  readonly id: string | undefined;
  /** Length of the batch axis; 1 for a model without one. */
  readonly rows: number;
  /** Equal for requests whose rows fit into one batch: the variable axes as they run (padded); `-` when all are fixed. */
  readonly group: string;
  /** In the model's declared order. `data` of a binary input is a view of the body. */
  readonly inputs: readonly BlobTensor[];
  /** What to answer, in the asked order; every output of the model when none was named. */
  readonly outputs: readonly RequestedOutput[];
  /** No outputs were named. */
  readonly all: boolean;
  readonly parameters: RequestParameters;
};

export type InferLimits = {
  /** Elements of one tensor. */
  readonly maxElements: number;
};

export const DEFAULT_LIMITS: InferLimits = { maxElements: 2 ** 26 };

/** A name from a request as a message shows it. */
export const shown = (name: string): string => (name.length > 128 ? `${name.slice(0, 128)}…` : name);
