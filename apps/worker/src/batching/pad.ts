/** Copies between a box and the larger box whose corner it fills, and the element that fills the rest. */
import { ELEMENT_BYTES, elementCount, type Datatype } from '@batchyard/shared/contract/tensor';

/**
 * Calls `visit` for each piece that is contiguous in both boxes, row-major; places and lengths are in elements.
 * @param small no larger than `large` in any axis
 */
export function eachRun(
  small: readonly number[],
  large: readonly number[],
  visit: (atSmall: number, atLarge: number, length: number) => void,
): void {
  // Behind the last axis that differs both boxes are the same, so that one piece spans them all.
  const last = small.findLastIndex((dim, axis) => dim !== large[axis]);
  if (elementCount(small) === 0) return;
  const length = elementCount(small.slice(Math.max(0, last)));
  const walk = (axis: number, atSmall: number, atLarge: number): void => {
    if (axis >= last) return visit(atSmall, atLarge, length);
    const [step, leap] = [elementCount(small.slice(axis + 1)), elementCount(large.slice(axis + 1))];
    for (let i = 0; i < (small[axis] ?? 0); i += 1) walk(axis + 1, atSmall + i * step, atLarge + i * leap);
  };
  walk(0, 0, 0);
}

export const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((dim, axis) => dim === b[axis]);

/** The bits of a half-precision number, rounded to the nearest. */
function halfBits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= 65_520) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  // A rounding up to the next power of two carries into the exponent by itself.
  return sign | (Math.round(size / 2 ** (exponent - 10)) + (size < 2 ** -14 ? 0 : (exponent + 14) << 10));
}

const WHOLE: Partial<Record<Datatype, readonly [bigint, bigint]>> = {
  BOOL: [0n, 1n],
  UINT8: [0n, 2n ** 8n - 1n],
  UINT16: [0n, 2n ** 16n - 1n],
  UINT32: [0n, 2n ** 32n - 1n],
  UINT64: [0n, 2n ** 64n - 1n],
  INT8: [-(2n ** 7n), 2n ** 7n - 1n],
  INT16: [-(2n ** 15n), 2n ** 15n - 1n],
  INT32: [-(2n ** 31n), 2n ** 31n - 1n],
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
};

/**
 * One element as bytes, little-endian.
 * @param text as the configuration writes it; undefined when it is no value of the datatype
 */
export function padElement(datatype: Exclude<Datatype, 'BYTES'>, text: string): Uint8Array | undefined {
  const element = new Uint8Array(8);
  const view = new DataView(element.buffer);
  const range = WHOLE[datatype];
  if (range) {
    if (!/^-?\d{1,20}$/.test(text)) return undefined;
    const value = BigInt(text);
    if (value < range[0] || value > range[1]) return undefined;
    view.setBigUint64(0, BigInt.asUintN(64, value), true);
  } else {
    const value = Number(text);
    if (text.trim() === '' || Number.isNaN(value)) return undefined;
    if (datatype === 'FP16') view.setUint16(0, halfBits(value), true);
    else if (datatype === 'FP32') view.setFloat32(0, value, true);
    else view.setFloat64(0, value, true);
  }
  return element.subarray(0, ELEMENT_BYTES[datatype]);
}

/** Fills with one element; `target` begins at a multiple of the element's size, as everything in a slab does. */
export function fillWith(target: Uint8Array, element: Uint8Array): void {
  const { buffer, byteOffset, byteLength } = target;
  const bits = new DataView(element.buffer, element.byteOffset, element.byteLength);
  switch (element.byteLength) {
    case 2:
      new Uint16Array(buffer, byteOffset, byteLength / 2).fill(bits.getUint16(0, true));
      break;
    case 4:
      new Uint32Array(buffer, byteOffset, byteLength / 4).fill(bits.getUint32(0, true));
      break;
    case 8:
      new BigUint64Array(buffer, byteOffset, byteLength / 8).fill(bits.getBigUint64(0, true));
      break;
    default:
      target.fill(element[0] ?? 0);
  }
}
