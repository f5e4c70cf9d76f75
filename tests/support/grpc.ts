/** A gRPC client of the gateway's own protocol files, by grpc-js, and requests for the shipped model `simple`. */
import { fileURLToPath } from 'node:url';

import {
  type Client,
  credentials,
  loadPackageDefinition,
  Metadata,
  type CallOptions,
  type ClientDuplexStream,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const FOLDER = fileURLToPath(new URL('../../apps/gateway/proto/', import.meta.url));

/** A message as the loader gives and takes it. */
export type Message = Readonly<Record<string, unknown>>;
export type InferAnswer = {
  readonly id: string;
  readonly model_name: string;
  readonly model_version: string;
  readonly parameters: Readonly<Record<string, { readonly bool_param?: boolean }>>;
  readonly outputs: readonly { readonly name: string; readonly datatype: string; readonly shape: readonly string[] }[];
  readonly raw_output_contents: readonly Buffer[];
};
export type StreamAnswer = { readonly error_message: string; readonly infer_response: InferAnswer };

type Made = { readonly service: object } & (new (address: string, creds: unknown, options?: object) => Client);
type Named = Record<string, Made | Record<string, Made>>;

const loaded = loadPackageDefinition(
  loadSync(['inference.proto', 'health.proto'], {
    includeDirs: [FOLDER],
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
  }),
) as unknown as { inference: Named; grpc: { health: { v1: Named } } };

export type GrpcClient = {
  /** A unary call. @throws the library's ServiceError */
  call<Answer = Message>(method: string, request: Message, given?: Given): Promise<Answer>;
  stream(given?: Given): ClientDuplexStream<Message, StreamAnswer>;
  health(service: string): Promise<string>;
  watchHealth(): AsyncIterable<{ readonly status: string }> & { cancel(): void };
  close(): void;
};
export type Given = { readonly metadata?: Readonly<Record<string, string>>; readonly timeoutMs?: number };

const metadataOf = ({ metadata = {} }: Given): Metadata => {
  const made = new Metadata();
  for (const [name, value] of Object.entries(metadata)) made.set(name, value);
  return made;
};
const optionsOf = ({ timeoutMs }: Given): CallOptions =>
  timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };

type Unary = (
  request: Message,
  metadata: Metadata,
  options: CallOptions,
  done: (error: ServiceError | null, answer: unknown) => void,
) => void;

/** @param authority PEM; absent: without TLS */
export function grpcClient(address: string, authority?: Buffer): GrpcClient {
  const channel = authority ? credentials.createSsl(authority) : credentials.createInsecure();
  const options = { 'grpc.max_receive_message_length': -1, 'grpc.use_local_subchannel_pool': 1 };
  const open = (made: Made | Record<string, Made> | undefined): Client => new (made as Made)(address, channel, options);
  const inference = open(loaded.inference['GRPCInferenceService']) as Client & Record<string, Unary>;
  const health = open(loaded.grpc.health.v1['Health']) as Client & Record<string, Unary>;
  const unary = <Answer>(client: Client & Record<string, Unary>, method: string, request: Message, given: Given) =>
    new Promise<Answer>((resolve, reject) => {
      client[method]?.(request, metadataOf(given), optionsOf(given), (error, answer) => {
        if (error) reject(error);
        else resolve(answer as Answer);
      });
    });
  return {
    call: (method, request, given = {}) => unary(inference, method, request, given),
    stream: (given = {}) =>
      (
        inference as unknown as {
          ModelStreamInfer(metadata: Metadata, options: CallOptions): ClientDuplexStream<Message, StreamAnswer>;
        }
      ).ModelStreamInfer(metadataOf(given), optionsOf(given)),
    health: async (service) => (await unary<{ status: string }>(health, 'Check', { service }, {})).status,
    watchHealth: () =>
      (health as unknown as { Watch(request: Message): AsyncIterable<{ status: string }> & { cancel(): void } }).Watch({
        service: '',
      }),
    close() {
      inference.close();
      health.close();
    },
  };
}

const int32 = (values: readonly number[]): Buffer => Buffer.from(Int32Array.from(values).buffer);

/** @returns a request of one row for `simple`, whose answer is `[n + 3, …]` and `[n - 3, …]` */
export function simpleRequest(n: number, changes: Message = {}): Message {
  const row = (value: number): Buffer => int32(Array.from({ length: 16 }, () => value));
  const input = (name: string): Message => ({ name, datatype: 'INT32', shape: [1, 16] });
  return {
    model_name: 'simple',
    id: String(n),
    inputs: [input('INPUT0'), input('INPUT1')],
    raw_input_contents: [row(n), row(3)],
    ...changes,
  };
}

/** The first element of the sum. */
export const sumOf = ({ raw_output_contents: raw }: InferAnswer): number | undefined => raw[0]?.readInt32LE(0);
