/** From a definition on disk to a model that serves: session thread, checks against the configuration, warm-up. */
import { createHash } from 'node:crypto';
import { cpus } from 'node:os';
import { join } from 'node:path';

import type { LatencyPoint } from '@batchyard/shared/contract/heartbeat';
import type { Model, TensorSpec } from '@batchyard/shared/contract/model';

import { planLengths, type LengthSettings, type SymbolicTensor } from '../batching/plan-lengths.ts';
import { openSession, type Session } from './open-session.ts';
import type { FileTensor, ThreadTensor } from './thread-message.ts';
import { atBuckets, provePadding } from './prove-padding.ts';
import { batchesRows, measure, sharesFirstAxis, warmTable } from './warm-up.ts';

export type LoadRequest = {
  readonly name: string;
  readonly version: string;
  readonly file: string;
  readonly sha256: string;
  /** Undefined: the model is tried. */
  readonly maxBatchSize: number | undefined;
  readonly nan: 'reject' | 'pass';
  readonly intraOpThreads: number;
  /** Datatype and dims that the configuration claims, without the batch axis. */
  readonly claimed: { readonly inputs: readonly Claim[]; readonly outputs: readonly Claim[] };
  /** What the configuration says of padding; undefined = nothing is padded. */
  readonly lengths?: LengthSettings | undefined;
  readonly cacheDir: string | undefined;
  /** Sessions, one by default. */
  readonly instances?: number;
  /** Execution providers, `cpu` by default. */
  readonly providers?: readonly string[];
  /** Is run before it serves. */
  readonly warmup?: readonly WarmupRun[];
  readonly release: (slab: ArrayBuffer) => void;
};
/** A batch, and how often it is run. */
type WarmupRun = { readonly name: string; readonly count: number; readonly tensors: readonly ThreadTensor[] };
type Claim = { readonly name: string; readonly datatype: string; readonly dims: readonly number[] };

export type LoadedModel = {
  readonly model: Model;
  readonly session: Session;
  /** Where it has several, the others. */
  readonly others: readonly Session[];
  readonly latency: readonly LatencyPoint[];
};

const DISCOVERED_MAX_BATCH = 16;
const LOAD_LIMIT_MS = 60_000;

const spec =
  (batched: boolean) =>
  (tensor: FileTensor): TensorSpec => ({
    name: tensor.name,
    datatype: tensor.datatype,
    shape: (batched ? tensor.dims.slice(1) : tensor.dims).map((dim) =>
      typeof dim === 'number' && dim >= 0 ? dim : -1,
    ),
  });

const symbolic = (specs: readonly TensorSpec[], tensors: readonly FileTensor[], batched: boolean): SymbolicTensor[] =>
  specs.map((own, i) => ({
    spec: own,
    symbols: (tensors[i]?.dims ?? []).slice(Number(batched)).map((dim) => (typeof dim === 'string' ? dim : '')),
  }));

/** What the configuration says must be what the file has; a free axis of the file may be fixed by the configuration. */
function agree(claims: readonly Claim[], specs: readonly TensorSpec[]): TensorSpec[] {
  const unknown = claims.find((claim) => !specs.some((one) => one.name === claim.name));
  if (unknown) throw new Error(`config.pbtxt names ${unknown.name}, which the model does not have`);
  return specs.map((one) => {
    const claim = claims.find(({ name }) => name === one.name);
    if (!claim) return one;
    const fits = claim.datatype === one.datatype && claim.dims.length === one.shape.length;
    if (!fits || claim.dims.some((dim, axis) => dim !== one.shape[axis] && one.shape[axis] !== -1)) {
      throw new Error(
        `config.pbtxt says ${one.name} is ${claim.datatype} [${claim.dims.join(',')}], the model has ${one.datatype} [${one.shape.join(',')}]`,
      );
    }
    return { ...one, shape: [...claim.dims] };
  });
}

function describe(request: LoadRequest, session: Session, maxBatchSize: number): Model {
  const { name, version, sha256, nan, claimed } = request;
  const batched = maxBatchSize > 0;
  const outputs = agree(claimed.outputs, session.outputs.map(spec(batched)));
  const { inputs, lengths } = planLengths(
    {
      inputs: symbolic(agree(claimed.inputs, session.inputs.map(spec(batched))), session.inputs, batched),
      outputs: symbolic(outputs, session.outputs, batched),
      rows: Math.max(1, maxBatchSize),
    },
    request.lengths,
  );
  const signature = createHash('sha256')
    .update(JSON.stringify([sha256, maxBatchSize, inputs, outputs, ...(lengths ? [lengths] : [])]))
    .digest('hex')
    .slice(0, 16);
  const padding = lengths === undefined ? {} : { lengths };
  return { name, version, platform: 'onnxruntime_onnx', maxBatchSize, inputs, outputs, signature, nan, ...padding };
}

type SessionRequest = Pick<LoadRequest, 'file' | 'intraOpThreads' | 'release' | 'providers' | 'instances'>;

async function open({ providers = ['cpu'], ...rest }: SessionRequest): Promise<Session> {
  return openSession({ ...rest, providers, loadLimitMs: LOAD_LIMIT_MS }).catch((error: unknown) => {
    throw new Error(safeReason(String(error)), { cause: error });
  });
}

async function openOthers(request: SessionRequest): Promise<Session[]> {
  const others: Session[] = [];
  try {
    for (let i = 1; i < (request.instances ?? 1); i += 1) others.push(await open(request));
    return others;
  } catch (error) {
    await Promise.all(others.map((one) => one.close()));
    throw error;
  }
}

/** The sessions of a model that was loaded before, and is the same. @throws Error with a sentence that shows no path */
export async function openSessions(request: SessionRequest): Promise<Session[]> {
  const first = await open(request);
  try {
    return [first, ...(await openOthers(request))];
  } catch (error) {
    await first.close();
    throw error;
  }
}

async function warmUp(session: Session, warmup: readonly WarmupRun[]): Promise<void> {
  for (const { name, count, tensors } of warmup) {
    for (let i = 0; i < count; i += 1) {
      // Buffers are given away with each run.
      const inputs = tensors.map((one) => ({
        ...one,
        data: one.data instanceof Uint8Array ? new Uint8Array(one.data) : one.data,
      }));
      await session.run(inputs).catch((error: unknown) => {
        throw new Error(`model_warmup ${name}: the model cannot run it`, { cause: error });
      });
    }
  }
}

/** @throws Error with a sentence that shows no path */
export async function loadModel(request: LoadRequest): Promise<LoadedModel> {
  const { intraOpThreads, sha256, cacheDir } = request;
  const session = await open(request);
  try {
    const cpu = cpus()[0]?.model ?? 'unknown';
    const unusual = (request.providers ?? ['cpu']).filter((name, i) => i > 0 || name !== 'cpu');
    const key = createHash('sha256')
      .update(
        JSON.stringify([
          sha256,
          request.maxBatchSize,
          request.claimed,
          request.lengths,
          intraOpThreads,
          cpu,
          ...unusual,
        ]),
      )
      .digest('hex')
      .slice(0, 24);
    const rowsOf = (batched: boolean): number => (batched ? (request.maxBatchSize ?? DISCOVERED_MAX_BATCH) : 0);
    const table = await warmTable(cacheDir === undefined ? undefined : join(cacheDir, `${key}.json`), async () => {
      const batched =
        request.maxBatchSize === undefined
          ? sharesFirstAxis(session) && (await batchesRows(session))
          : request.maxBatchSize > 0;
      const model = describe(request, session, rowsOf(batched));
      await provePadding(session, model);
      const points = await measure(atBuckets(session, model), rowsOf(batched)).catch(() => []);
      return { batched, points };
    });
    await warmUp(session, request.warmup ?? []);
    const model = describe(request, session, rowsOf(table.batched));
    return { model, session, others: await openOthers(request), latency: table.points };
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** onnxruntime's texts carry paths of this machine and of its own sources. */
export function safeReason(text: string): string {
  if (/No such file|doesn't exist/i.test(text)) return 'the model file is missing';
  if (/protobuf|INVALID_PROTOBUF|ModelProto/i.test(text)) return 'the model file is not a readable ONNX file';
  if (/^(Error: )*execution provider [a-z0-9_, ]+: onnxruntime has only [a-z0-9_, ]+ on this machine$/.test(text))
    return text.replace(/^(Error: )+/, '');
  if (/not a tensor of a supported/i.test(text)) return text.replace(/^(Error: )+/, '');
  if (/took too long/.test(text)) return 'loading took too long';
  return 'onnxruntime could not load the model';
}
