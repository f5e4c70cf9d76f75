/** What passes between the main thread and a session thread; buffers are transferred, never cloned. */
import type { Datatype } from '@batchyard/shared/contract/tensor';

/** Raw little-endian bytes at the start of a buffer of their own, or strings for BYTES. */
export type ThreadTensor = {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly data: Uint8Array | readonly string[];
};

/** A model's input or output as onnxruntime tells it: a number where an axis is fixed, its symbol where it is free. */
export type FileTensor = {
  readonly name: string;
  readonly datatype: Datatype;
  readonly dims: readonly (number | string)[];
};

export type ThreadStart = {
  readonly file: string;
  readonly intraOpThreads: number;
  /** Execution providers in the order in which they are tried. */
  readonly providers: readonly string[];
};
export type ToThread = { readonly id: number; readonly inputs: readonly ThreadTensor[] };

export type FromThread =
  | { readonly kind: 'loaded'; readonly inputs: readonly FileTensor[]; readonly outputs: readonly FileTensor[] }
  | { readonly kind: 'refused'; readonly message: string }
  | {
      readonly kind: 'done';
      readonly id: number;
      readonly outputs: readonly ThreadTensor[];
      readonly slabs: readonly ArrayBuffer[];
      readonly runMs: number;
    }
  | { readonly kind: 'failed'; readonly id: number; readonly slabs: readonly ArrayBuffer[]; readonly message: string };
