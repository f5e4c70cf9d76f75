/** Tensors that models of the test repository can take, and what each model must answer to them. */
import type { Random } from './random.ts';

export type Value = number | bigint | boolean | string;
export type Tensor = {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly values: readonly Value[];
};
export type Sample = {
  readonly model: string;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
};

const volume = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1);

/** What the fuzzed system serves. */
export const FUZZED_MODELS = [
  'simple',
  'concat_pair',
  'turn_grid',
  'unbatched_sum',
  'identity_fp32',
  'identity_fp64',
  'identity_fp16',
  'identity_int64',
  'identity_uint8',
  'identity_bool',
  'identity_bytes',
] as const;

function float32(random: Random): number {
  const bits = random.bytes(4);
  const value = bits.readFloatLE(0);
  return Number.isFinite(value) ? value : random.int(1_000) / 8;
}
function float64(random: Random): number {
  const value = random.bytes(8).readDoubleLE(0);
  return Number.isFinite(value) ? value : -0;
}

const VALUE: Readonly<Record<string, (random: Random) => Value>> = {
  FP32: float32,
  FP64: float64,
  // As its 16 bits; the exponent is never that of an infinity.
  FP16: (random) => random.int(0x7c00) | (random.int(2) << 15),
  INT64: (random) => random.bytes(8).readBigInt64LE(0) >> BigInt(random.int(63)),
  UINT8: (random) => random.int(256),
  BOOL: (random) => random.chance(0.5),
  BYTES: (random) => random.pick(['', 'a', 'é😀', 'x'.repeat(random.int(300)), '"\\\u0001\n', '{"inputs":[]}']),
};

function identity(random: Random, datatype: string): Sample {
  const shape = [1 + random.int(4), random.int(9)];
  const make = VALUE[datatype] ?? float32;
  const values = Array.from({ length: volume(shape) }, () => make(random));
  const model = `identity_${datatype.toLowerCase()}`;
  return {
    model,
    inputs: [{ name: 'INPUT0', datatype, shape, values }],
    outputs: [{ name: 'OUTPUT0', datatype, shape, values }],
  };
}

function simple(random: Random): Sample {
  const shape = [1 + random.int(8), 16];
  const value = (): number => random.int(2 ** 30) - 2 ** 29;
  const a = Array.from({ length: volume(shape) }, value);
  const b = a.map(value);
  const tensor = (name: string, values: number[]): Tensor => ({ name, datatype: 'INT32', shape, values });
  return {
    model: 'simple',
    inputs: [tensor('INPUT0', a), tensor('INPUT1', b)],
    outputs: [
      tensor(
        'OUTPUT0',
        a.map((v, i) => v + (b[i] ?? 0)),
      ),
      tensor(
        'OUTPUT1',
        a.map((v, i) => v - (b[i] ?? 0)),
      ),
    ],
  };
}

function concatPair(random: Random): Sample {
  const rows = 1 + random.int(3);
  const part = (name: string, width: number): Tensor => ({
    name,
    datatype: 'FP32',
    shape: [rows, width],
    values: Array.from({ length: rows * width }, () => float32(random)),
  });
  const [n, m] = [1 + random.int(4), 1 + random.int(4)];
  const [a, b] = [part('A', n), part('B', m)];
  const joined = Array.from({ length: rows }, (_, row) => [
    ...a.values.slice(row * n, (row + 1) * n),
    ...b.values.slice(row * m, (row + 1) * m),
  ]);
  const outputs = [{ name: 'JOINED', datatype: 'FP32', shape: [rows, n + m], values: joined.flat() }];
  return { model: 'concat_pair', inputs: [a, b], outputs };
}

function turnGrid(random: Random): Sample {
  const [rows, w] = [1 + random.int(3), 1 + random.int(4)];
  const values = Array.from({ length: rows * 6 * w }, () => BigInt(random.int(2 ** 31)) << BigInt(random.int(32)));
  const turned: Value[] = [];
  for (let row = 0; row < rows; row += 1)
    for (let c = 0; c < 3; c += 1)
      for (let b = 0; b < w; b += 1)
        for (let a = 0; a < 2; a += 1) turned.push(values[((row * 2 + a) * w + b) * 3 + c] ?? 0n);
  return {
    model: 'turn_grid',
    inputs: [{ name: 'GRID', datatype: 'INT64', shape: [rows, 2, w, 3], values }],
    outputs: [{ name: 'TURNED', datatype: 'INT64', shape: [rows, 3, w, 2], values: turned }],
  };
}

function unbatchedSum(random: Random): Sample {
  const values = Array.from({ length: 1 + random.int(20) }, () => random.int(10_000) - 5_000);
  const total = values.reduce((sum, value) => sum + value, 0);
  return {
    model: 'unbatched_sum',
    inputs: [{ name: 'X', datatype: 'FP32', shape: [values.length], values }],
    outputs: [{ name: 'TOTAL', datatype: 'FP32', shape: [1], values: [total] }],
  };
}

export function makeSample(random: Random): Sample {
  const made = random.int(10);
  if (made < 4) return simple(random);
  if (made === 4) return concatPair(random);
  if (made === 5) return turnGrid(random);
  if (made === 6) return unbatchedSum(random);
  return identity(random, random.pick(Object.keys(VALUE)));
}

const WRITE: Readonly<Record<string, readonly [number, (target: Buffer, value: Value) => void]>> = {
  FP32: [4, (target, value) => void target.writeFloatLE(Number(value))],
  FP64: [8, (target, value) => void target.writeDoubleLE(Number(value))],
  FP16: [2, (target, value) => void target.writeUInt16LE(Number(value))],
  INT32: [4, (target, value) => void target.writeInt32LE(Number(value))],
  INT64: [8, (target, value) => void target.writeBigInt64LE(BigInt(value))],
  UINT8: [1, (target, value) => void target.writeUInt8(Number(value))],
  BOOL: [1, (target, value) => void target.writeUInt8(Number(value))],
};

/** The elements as the binary extension has them. */
export function tensorBytes({ datatype, values }: Tensor): Buffer {
  const written = WRITE[datatype];
  return Buffer.concat(
    values.map((value) => {
      const text = written ? undefined : Buffer.from(String(value));
      const bytes = Buffer.alloc(written?.[0] ?? 4);
      if (text) bytes.writeUInt32LE(text.byteLength);
      written?.[1](bytes, value);
      return text ? Buffer.concat([bytes, text]) : bytes;
    }),
  );
}
