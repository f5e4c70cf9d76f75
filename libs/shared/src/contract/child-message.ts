/** What a child process of the supervisor tells it over Node's IPC channel (absent when started alone). */
export type ChildMessage =
  /** A worker has an identity: what to release when the process ends. Sent again when the incarnation changes. */
  | { readonly kind: 'hello'; readonly worker: string; readonly token: string }
  /** The process serves; `models` as `name@version`. */
  | {
      readonly kind: 'ready';
      readonly port: number;
      readonly opsPort: number;
      /** Of a gateway that serves gRPC. */
      readonly grpcPort?: number | undefined;
      readonly models: readonly string[];
    }
  /** It cannot start: a sentence and the next command to type. */
  | { readonly kind: 'failed'; readonly sentence: string; readonly hint: string };

/** Tells the supervisor, if there is one. */
export type TellSupervisor = (message: ChildMessage) => void;
