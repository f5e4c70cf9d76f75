/**
 * Tensors as typed arrays, row-major. BOOL is a byte of 0 or 1; FP16 is the bits of each element (half.ts turns numbers
 * into them and back); BYTES is the bytes of each element.
 */
export type TensorData = {
  readonly BOOL: Uint8Array;
  readonly UINT8: Uint8Array;
  readonly UINT16: Uint16Array;
  readonly UINT32: Uint32Array;
  readonly UINT64: BigUint64Array;
  readonly INT8: Int8Array;
  readonly INT16: Int16Array;
  readonly INT32: Int32Array;
  readonly INT64: BigInt64Array;
  readonly FP16: Uint16Array;
  readonly FP32: Float32Array;
  readonly FP64: Float64Array;
  readonly BYTES: readonly Uint8Array[];
};
export type Datatype = keyof TensorData;

/** `Tensor` is one of any datatype, `Tensor<'FP32'>` one of that. */
export type Tensor<D extends Datatype = Datatype> = {
  readonly [K in D]: { readonly datatype: K; readonly shape: readonly number[]; readonly data: TensorData[K] };
}[D];

type Special = {
  readonly BOOL: boolean | number;
  readonly UINT64: bigint | number;
  readonly INT64: bigint | number;
  readonly BYTES: string | Uint8Array;
  /** Plain numbers would be taken for bits. */
  readonly FP16: never;
};
type Element<D extends Datatype> = D extends keyof Special ? Special[D] : number;

export const ARRAYS = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const;

export const isDatatype = (value: unknown): value is Datatype =>
  value === 'BYTES' || (typeof value === 'string' && Object.hasOwn(ARRAYS, value));

export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const dim of shape) {
    if (!Number.isInteger(dim) || dim < 0) throw new RangeError(`${dim} is no length of an axis`);
    count *= dim;
  }
  return count;
}

function toNumbers(datatype: Exclude<Datatype, 'BYTES' | 'FP16' | 'INT64' | 'UINT64'>, values: readonly unknown[]) {
  const made = new ARRAYS[datatype](values.length);
  const exact = datatype !== 'FP32' && datatype !== 'FP64';
  values.forEach((value, i) => {
    const number = datatype === 'BOOL' && typeof value === 'boolean' ? Number(value) : value;
    if (typeof number !== 'number') throw new TypeError(`element ${i} is no number`);
    made[i] = number;
    // What a typed array takes it also wraps around, and nobody is told.
    if ((exact && made[i] !== number) || (datatype === 'BOOL' && number > 1))
      throw new RangeError(`element ${i}, ${number}, does not fit ${datatype}`);
  });
  return made;
}

function toBigints(datatype: 'INT64' | 'UINT64', values: readonly unknown[]) {
  const made = new ARRAYS[datatype](values.length);
  values.forEach((value, i) => {
    if (typeof value !== 'bigint' && !Number.isSafeInteger(value))
      throw new RangeError(`element ${i}, ${String(value)}, is no exact integer; give a bigint`);
    const integer = BigInt(value as bigint | number);
    made[i] = integer;
    if (made[i] !== integer) throw new RangeError(`element ${i}, ${integer}, does not fit ${datatype}`);
  });
  return made;
}

function toData(datatype: Datatype, values: readonly unknown[]): TensorData[Datatype] {
  switch (datatype) {
    case 'BYTES': {
      const encoder = new TextEncoder();
      return values.map((value, i) => {
        if (value instanceof Uint8Array) return value;
        if (typeof value === 'string') return encoder.encode(value);
        throw new TypeError(`element ${i} is neither a string nor bytes`);
      });
    }
    case 'FP16':
      throw new TypeError('FP16 takes the bits as a Uint16Array; halfBits() makes them of numbers');
    case 'INT64':
    case 'UINT64':
      return toBigints(datatype, values);
    default:
      return toNumbers(datatype, values);
  }
}

/**
 * A tensor of this shape. A typed array of the datatype is taken as it is, without a copy; plain arrays are checked
 * element by element. @throws RangeError, TypeError
 */
export function tensor<D extends Datatype>(
  datatype: D,
  shape: readonly number[],
  data: TensorData[D] | readonly Element<D>[],
): Tensor<D> {
  if (!isDatatype(datatype)) throw new TypeError(`${String(datatype)} is no datatype`);
  const count = elementCount(shape);
  const given = datatype !== 'BYTES' && data instanceof ARRAYS[datatype as Exclude<D, 'BYTES'>];
  if (!given && !Array.isArray(data))
    throw new TypeError(`${datatype} takes an array, or a typed array of its own kind`);
  if (data.length !== count)
    throw new RangeError(`${data.length} elements do not fill the shape [${shape.join(', ')}]`);
  const made = given ? data : toData(datatype, data as readonly unknown[]);
  return { datatype, shape, data: made } as Tensor<D>;
}

/** The elements of a BYTES tensor as text. */
export function texts({ data }: Tensor<'BYTES'>): string[] {
  const decoder = new TextDecoder();
  return data.map((element) => decoder.decode(element));
}

/** An output by its name, of the datatype it must have. @throws TypeError when there is none, or of another datatype */
export function pick<D extends Datatype>(
  { outputs }: { readonly outputs: Readonly<Record<string, Tensor>> },
  name: string,
  datatype: D,
): Tensor<D> {
  const found = Object.hasOwn(outputs, name) ? outputs[name] : undefined;
  if (!found) throw new TypeError(`the answer has no ${name}; it has ${Object.keys(outputs).join(', ')}`);
  if (found.datatype !== datatype) throw new TypeError(`${name} is ${found.datatype}, not ${datatype}`);
  return found as Tensor<D>;
}
