/**
 * A thread that owns one onnxruntime session: loads it, runs batches, sends buffers back. It never talks to Redis, because
 * `create` and `run` of onnxruntime-node stop the event loop of the thread they are called in.
 */
import { parentPort, workerData } from 'node:worker_threads';

import { InferenceSession, listSupportedBackends, Tensor } from 'onnxruntime-node';

import { datatypeOf, ortTypeOf, typedView } from './ort-types.ts';
import type { FileTensor, FromThread, ThreadStart, ThreadTensor, ToThread } from './thread-message.ts';

const { file, intraOpThreads, providers } = workerData as ThreadStart;

const tell = (message: FromThread, transfer: ArrayBuffer[] = []): void => parentPort?.postMessage(message, transfer);

function toOrt({ datatype, shape, data }: ThreadTensor): Tensor {
  if (!(data instanceof Uint8Array)) return new Tensor('string', [...data], shape);
  return new Tensor(ortTypeOf(datatype) as 'float32', typedView(datatype, data) as Float32Array, shape);
}

function fromOrt(name: string, tensor: Tensor): ThreadTensor {
  const datatype = datatypeOf(tensor.type) ?? 'FP32';
  const shape = [...tensor.dims];
  if (tensor.type === 'string') return { name, datatype, shape, data: tensor.data as string[] };
  const { buffer, byteOffset, byteLength } = tensor.data as Float32Array;
  return { name, datatype, shape, data: new Uint8Array(buffer, byteOffset, byteLength) };
}

const buffersOf = (tensors: readonly ThreadTensor[]): ArrayBuffer[] => [
  ...new Set(tensors.flatMap(({ data }) => (data instanceof Uint8Array ? [data.buffer as ArrayBuffer] : []))),
];

function describe(metadata: readonly InferenceSession.ValueMetadata[]): FileTensor[] {
  return metadata.map((value): FileTensor => {
    const datatype = value.isTensor ? datatypeOf(value.type) : undefined;
    if (!value.isTensor || datatype === undefined)
      throw new Error(`${value.name} is not a tensor of a supported datatype`);
    return { name: value.name, datatype, dims: [...value.shape] };
  });
}

/** @throws Error that names what is missing, where no provider is left to try */
function tryable(): string[] {
  const has = listSupportedBackends().map(({ name }) => name);
  const found = providers.filter((name) => has.includes(name));
  if (found.length > 0) return found;
  throw new Error(`execution provider ${providers.join(', ')}: onnxruntime has only ${has.join(', ')} on this machine`);
}

/** With the first providers that work: one may be built in and lack its libraries. */
async function load(): Promise<InferenceSession> {
  const all = tryable();
  for (let first = 0; first < all.length - 1; first += 1) {
    const loaded = await create(all.slice(first)).catch(() => undefined);
    if (loaded) return loaded;
  }
  return create(all.slice(-1));
}

async function create(executionProviders: readonly string[]): Promise<InferenceSession> {
  return InferenceSession.create(file, {
    executionProviders: [...executionProviders],
    intraOpNumThreads: intraOpThreads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
    // Idle threads that spin burn a core.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
}

async function run(session: InferenceSession, { id, inputs }: ToThread): Promise<void> {
  const slabs = buffersOf(inputs);
  try {
    const feeds = Object.fromEntries(inputs.map((tensor) => [tensor.name, toOrt(tensor)]));
    const started = performance.now();
    const results = await session.run(feeds);
    const runMs = performance.now() - started;
    const outputs = session.outputNames.map((name) => fromOrt(name, results[name] as Tensor));
    tell({ kind: 'done', id, outputs, slabs, runMs }, [...slabs, ...buffersOf(outputs)]);
  } catch (error) {
    tell({ kind: 'failed', id, slabs, message: String(error) }, slabs);
  }
}

try {
  const session = await load();
  const loaded = {
    kind: 'loaded',
    inputs: describe(session.inputMetadata),
    outputs: describe(session.outputMetadata),
  } as const;
  parentPort?.on('message', (message: ToThread) => void run(session, message));
  tell(loaded);
} catch (error) {
  tell({ kind: 'refused', message: String(error) });
}
