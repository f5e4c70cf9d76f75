/**
 * A model's configuration, in the names of Triton's model configuration. What is not honoured here is told once, in
 * `notes`; our own settings are `parameters` whose keys begin with `batchyard.`, so that Triton can still read the file.
 */
import { STRATEGIES, type Batching, type Strategy } from '@batchyard/shared/contract/batching';
import type { Queueing } from '@batchyard/shared/contract/queueing';
import { isDatatype, type Datatype } from '@batchyard/shared/contract/tensor';

import type { LengthSettings } from '../batching/plan-lengths.ts';
import { readDynamicBatching } from './dynamic-batching.ts';
import { readInstances } from './instance-group.ts';
import { readLengthSettings } from './length-settings.ts';
import { readWarmup, type WarmupSample } from './model-warmup.ts';
import { asFlag, asMessage, asNumber, asText, ConfigError, one } from './text-fields.ts';
import type { TextMessage } from './text-proto.ts';
import { readVersionPolicy, type VersionPolicy } from './version-policy.ts';

export type ConfiguredTensor = { readonly name: string; readonly datatype: Datatype; readonly dims: readonly number[] };

export type ModelConfig = {
  readonly name: string | undefined;
  /** Undefined where the file leaves it out: then the model itself tells. */
  readonly maxBatchSize: number | undefined;
  readonly inputs: readonly ConfiguredTensor[];
  readonly outputs: readonly ConfiguredTensor[];
  readonly filename: string;
  readonly versionPolicy: VersionPolicy;
  readonly strategy: Strategy;
  readonly maxQueueDelayMs: number;
  readonly preferredRows: readonly number[];
  readonly targetMs: number | undefined;
  readonly queueing: Queueing | undefined;
  readonly intraOpThreads: number | undefined;
  /** Sessions in a worker. */
  readonly instances: number;
  /** In the order in which they are tried. */
  readonly executionProviders: readonly string[];
  readonly warmup: readonly WarmupSample[];
  readonly nan: 'reject' | 'pass';
  /** Of one version, or of the only one; undefined where the manifest does not name it. */
  readonly sha256: (version: string) => string | undefined;
  /** Undefined: requests of different lengths never share a batch. */
  readonly lengths: LengthSettings | undefined;
  /** `response_cache { enable }`. */
  readonly responseCache: boolean;
  readonly notes: readonly string[];
  /** The file itself. */
  readonly written: TextMessage;
};

const HONOURED = new Set([
  'name',
  'platform',
  'backend',
  'max_batch_size',
  'input',
  'output',
  'default_model_filename',
  'version_policy',
  'dynamic_batching',
  'instance_group',
  'model_warmup',
  'response_cache',
  'parameters',
]);
const REFUSED = new Set(['sequence_batching', 'ensemble_scheduling']);
const PARAMETERS = new Set([
  'intra_op_thread_count',
  'batchyard.strategy',
  'batchyard.max_wait_ms',
  'batchyard.target_ms',
  'batchyard.nan',
  'batchyard.sha256',
  'batchyard.execution_providers',
  'batchyard.buckets',
  'batchyard.pad_value',
  'batchyard.padding',
  'batchyard.crop',
]);

function datatypeOf(text: string | undefined, key: string): Datatype {
  const name = text === 'TYPE_STRING' ? 'BYTES' : (text ?? '').replace(/^TYPE_/, '');
  if (!isDatatype(name)) throw new ConfigError(`${key} has the unknown data_type ${text ?? ''}`);
  return name;
}

function tensors(config: TextMessage, key: 'input' | 'output'): ConfiguredTensor[] {
  return (config[key] ?? []).map((value, i) => {
    const message = asMessage(value, key);
    const where = `${key}[${i}]`;
    const name = asText(one(message, 'name'), `${where}.name`);
    if (!name) throw new ConfigError(`${where} has no name`);
    const dims = (message?.['dims'] ?? []).map((dim) => asNumber(dim, `${where}.dims`) ?? 0);
    if (dims.some((dim) => dim < -1 || dim === 0)) throw new ConfigError(`${where}.dims must be above 0, or -1`);
    return { name, datatype: datatypeOf(asText(one(message, 'data_type'), `${where}.data_type`), where), dims };
  });
}

function parameters(config: TextMessage): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of config['parameters'] ?? []) {
    const message = asMessage(entry, 'parameters');
    const key = asText(one(message, 'key'), 'parameters.key');
    const value = asText(
      one(asMessage(one(message, 'value'), 'parameters.value'), 'string_value'),
      'parameters.value.string_value',
    );
    if (key !== undefined && value !== undefined) found.set(key, value);
  }
  return found;
}

function choice<T extends string>(value: string | undefined, allowed: readonly T[], key: string): T {
  const found = allowed.find((name) => name === (value ?? allowed[0]));
  if (found === undefined) throw new ConfigError(`${key} must be one of ${allowed.join(', ')}`);
  return found;
}

function lengths(extra: ReadonlyMap<string, string>): LengthSettings | undefined {
  try {
    return readLengthSettings(extra);
  } catch (error) {
    throw new ConfigError(error instanceof Error ? error.message : 'batchyard.buckets cannot be read');
  }
}

/**
 * `batchyard.sha256`: one hash, which then is that of every version, or one for each, as `1: HASH; 2: HASH`.
 * @throws ConfigError where it is neither
 */
function readManifest(text: string | undefined): (version: string) => string | undefined {
  if (text === undefined) return () => undefined;
  if (/^[0-9a-f]{64}$/i.test(text.trim())) return () => text.trim().toLowerCase();
  const entries = text
    .split(';')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map((entry) => /^(\d+)\s*:\s*([0-9a-f]{64})$/i.exec(entry));
  if (entries.length === 0 || entries.includes(null))
    throw new ConfigError('batchyard.sha256 must be 64 hexadecimal digits, or VERSION: DIGITS; VERSION: DIGITS');
  const byVersion = new Map(entries.map((entry) => [entry?.[1] ?? '', (entry?.[2] ?? '').toLowerCase()]));
  return (version) => byVersion.get(version);
}

/** A parameter of milliseconds; 0 and none are the same. */
function positive(extra: ReadonlyMap<string, string>, key: string): number | undefined {
  const value = Number(extra.get(key) ?? 0);
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY))
    throw new ConfigError(`${key} must be a number of milliseconds`);
  return value > 0 ? value : undefined;
}

/** Which of onnxruntime's execution providers run it; the worker finds out whether it has them. */
function providers(extra: ReadonlyMap<string, string>): string[] {
  const names = (extra.get('batchyard.execution_providers') ?? 'cpu').split(',').map((name) => name.trim());
  if (names.length > 8 || names.some((name) => !/^[a-z][a-z0-9_]{0,31}$/.test(name)))
    throw new ConfigError('batchyard.execution_providers must be names like cpu, separated by commas');
  return names;
}

/** How its batches are formed. @param maxBatchSize as it is served; 0 = no batch axis */
export function batchingOf(config: ModelConfig, maxBatchSize: number): Batching {
  const maxRows = Math.max(1, maxBatchSize);
  return {
    strategy: config.strategy,
    max_rows: maxRows,
    max_wait_ms: config.maxQueueDelayMs,
    preferred_rows: config.preferredRows.filter((rows) => rows <= maxRows),
    ...(config.targetMs === undefined ? {} : { target_ms: config.targetMs }),
  };
}

/** @throws ConfigError that names the field */
export function readModelConfig(config: TextMessage): ModelConfig {
  for (const key of Object.keys(config)) if (REFUSED.has(key)) throw new ConfigError(`${key} is not supported`);
  const extra = parameters(config);
  const maxBatchSize = asNumber(one(config, 'max_batch_size'), 'max_batch_size');
  if (maxBatchSize !== undefined && (maxBatchSize < 0 || maxBatchSize > 4_096))
    throw new ConfigError('max_batch_size must be 0 to 4096');
  const batching = readDynamicBatching(asMessage(one(config, 'dynamic_batching'), 'dynamic_batching'), maxBatchSize);
  const strategies = batching.namesSizeOrDelay ? (['dynamic', ...STRATEGIES] as const) : STRATEGIES;
  const threads = Number(extra.get('intra_op_thread_count') ?? 0);
  const filename = asText(one(config, 'default_model_filename'), 'default_model_filename') ?? 'model.onnx';
  if (!/^[A-Za-z0-9_.-]+$/.test(filename)) throw new ConfigError('default_model_filename must be a plain file name');
  return {
    name: asText(one(config, 'name'), 'name'),
    maxBatchSize,
    inputs: tensors(config, 'input'),
    outputs: tensors(config, 'output'),
    filename,
    versionPolicy: readVersionPolicy(asMessage(one(config, 'version_policy'), 'version_policy')),
    strategy: choice(extra.get('batchyard.strategy'), strategies, 'batchyard.strategy'),
    maxQueueDelayMs: positive(extra, 'batchyard.max_wait_ms') ?? batching.maxQueueDelayMs,
    preferredRows: batching.preferredRows,
    targetMs: positive(extra, 'batchyard.target_ms'),
    queueing: batching.queueing,
    intraOpThreads: Number.isInteger(threads) && threads > 0 ? threads : undefined,
    instances: readInstances(config),
    executionProviders: providers(extra),
    warmup: readWarmup(config),
    nan: choice(extra.get('batchyard.nan'), ['pass', 'reject'], 'batchyard.nan'),
    sha256: readManifest(extra.get('batchyard.sha256')),
    lengths: lengths(extra),
    responseCache:
      asFlag(one(asMessage(one(config, 'response_cache'), 'response_cache'), 'enable'), 'response_cache.enable') ??
      false,
    written: config,
    notes: [
      ...Object.keys(config)
        .filter((key) => !HONOURED.has(key))
        .map((key) => `${key} has no meaning here yet`),
      ...[...extra.keys()]
        .filter((key) => !PARAMETERS.has(key))
        .map((key) => `parameter ${key} has no meaning here yet`),
    ],
  };
}
