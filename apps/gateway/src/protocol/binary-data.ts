/**
 * Raw tensor bytes from a client, checked where they lie: little-endian, row-major, unpadded, at any alignment.
 * onnxruntime-node would take a 2 for a BOOL, cut a string at NUL and replace what is not UTF-8, all in silence.
 */
import { Failure } from '@batchyard/shared/contract/failure';
import type { Model } from '@batchyard/shared/contract/model';
import { type Datatype, ELEMENT_BYTES } from '@batchyard/shared/contract/tensor';
import { isUtf8 } from './json-string.ts';
import type { TensorTarget } from './tensor-text.ts';

const refused = (problem: string): Failure => new Failure('invalid_input', problem);

/**
 * Where in its element a float has which exponent bits; all set means infinity or NaN.
 * `last`: the byte of the sign, which has `high` of them; the byte before has `low`.
 */
const EXPONENTS: Partial<Record<Datatype, { readonly high: number; readonly low: number }>> = {
  FP16: { high: 0x7c, low: 0 },
  FP32: { high: 0x7f, low: 0x80 },
  FP64: { high: 0x7f, low: 0xf0 },
};

/** @returns whether each element is a finite number, in a pass over one or two bytes of each */
function allFinite(data: Uint8Array, datatype: Datatype): boolean {
  const bits = EXPONENTS[datatype];
  if (bits === undefined) return true;
  const { high, low } = bits;
  const step = ELEMENT_BYTES[datatype];
  for (let last = step - 1; last < data.length; last += step) {
    if ((data[last]! & high) === high && (data[last - 1]! & low) === low) return false;
  }
  return true;
}

/** Each element: a 4-byte length, then so many bytes of UTF-8 without NUL. */
function checkStrings(data: Uint8Array, target: TensorTarget): void {
  const where = `input '${target.name}'`;
  let at = 0;
  let elements = 0;
  while (at < data.length) {
    const start = at + 4;
    if (start > data.length) throw refused(`incomplete string length for ${where}`);
    const size = data[at]! + data[at + 1]! * 0x100 + data[at + 2]! * 0x1_0000 + data[at + 3]! * 0x100_0000;
    at = start + size;
    if (at > data.length) {
      throw refused(
        `incomplete string data for ${where}: expecting ${size} bytes, only ${data.length - start} are left`,
      );
    }
    elements += 1;
    if (elements > target.elements) break;
    const bytes = data.subarray(start, at);
    if (bytes.includes(0)) throw refused(`${where}: an element contains NUL, which no model can receive`);
    if (!isUtf8(bytes)) throw refused(`${where}: an element is not UTF-8`);
  }
  if (elements !== target.elements || at !== data.length) {
    const found = elements > target.elements ? 'more' : String(elements);
    throw refused(`unexpected number of string elements for ${where}: expecting ${target.elements}, got ${found}`);
  }
}

/**
 * @param data the bytes of one tensor
 * @throws Failure invalid_input where they are not what the target and the model's policy on NaN allow
 */
export function checkBinary(model: Model, target: TensorTarget, data: Uint8Array): void {
  if (target.datatype === 'BYTES') {
    checkStrings(data, target);
    return;
  }
  const expected = target.elements * ELEMENT_BYTES[target.datatype];
  if (data.length !== expected) {
    const problem = `input byte size mismatch for input '${target.name}' for model '${model.name}'`;
    throw refused(`${problem}. Expected ${expected}, got ${data.length}`);
  }
  if (target.datatype === 'BOOL' && data.some((byte) => byte > 1)) {
    throw refused(`input '${target.name}': a BOOL is 0 or 1`);
  }
  if (model.nan === 'reject' && !allFinite(data, target.datatype)) {
    throw refused(`input '${target.name}' contains NaN or infinity, which model '${model.name}' rejects`);
  }
}
