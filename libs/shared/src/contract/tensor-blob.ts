/**
 * The job fields `in` and `out`: several tensors in one binary string, without names (the model's signature gives
 * them by position), little-endian:
 *
 *   u8 version = 1 · u8 tensors · u16 requested outputs (count; 0 = all) · u16 × requested: output positions
 *   per tensor: u16 position in the signature · u8 datatype index · u8 rank · u32 × rank dims · u32 bytes
 *   per tensor: its bytes, each tensor beginning at a multiple of 8 from the start of the blob
 *
 * Invariant: decode(encode(x)) equals x, and decoding copies nothing (tensors are views of the blob).
 */
import { DATATYPES, type Datatype } from './tensor.ts';

export type BlobTensor = {
  /** Position of the tensor in the model's declared inputs (or outputs). */
  readonly position: number;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
};

export type TensorBlob = {
  readonly tensors: readonly BlobTensor[];
  /** Positions of the outputs asked for, in the asked order; empty = all of them. */
  readonly requested: readonly number[];
};

const VERSION = 1;
const align = (offset: number): number => (offset + 7) & ~7;

/** Bytes that `encodeTensorBlob` will write. */
export function tensorBlobBytes(blob: TensorBlob): number {
  let bytes = 4 + 2 * blob.requested.length;
  for (const tensor of blob.tensors) bytes += 8 + 4 * tensor.shape.length;
  for (const tensor of blob.tensors) bytes = align(bytes) + tensor.data.byteLength;
  return bytes;
}

/** @returns a fresh Buffer; the tensors' bytes are copied once. */
export function encodeTensorBlob(blob: TensorBlob): Buffer {
  const out = Buffer.allocUnsafe(tensorBlobBytes(blob));
  out[0] = VERSION;
  out[1] = blob.tensors.length;
  let at = out.writeUInt16LE(blob.requested.length, 2);
  for (const position of blob.requested) at = out.writeUInt16LE(position, at);
  for (const tensor of blob.tensors) {
    at = out.writeUInt16LE(tensor.position, at);
    out[at++] = DATATYPES.indexOf(tensor.datatype);
    out[at++] = tensor.shape.length;
    for (const dim of tensor.shape) at = out.writeUInt32LE(dim, at);
    at = out.writeUInt32LE(tensor.data.byteLength, at);
  }
  for (const tensor of blob.tensors) {
    const start = align(at);
    out.fill(0, at, start);
    out.set(tensor.data, start);
    at = start + tensor.data.byteLength;
  }
  return out;
}

/**
 * @param bytes a whole blob; any alignment
 * @throws RangeError when the bytes are no blob of this version or are cut short
 */
export function decodeTensorBlob(bytes: Uint8Array): TensorBlob {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < 4 || bytes[0] !== VERSION) throw new RangeError('not a tensor blob of version 1');
  const count = view.getUint8(1);
  const requested: number[] = [];
  let at = 4;
  for (let i = view.getUint16(2, true); i > 0; i -= 1, at += 2) requested.push(view.getUint16(at, true));
  const heads: { position: number; datatype: Datatype; shape: number[]; bytes: number }[] = [];
  for (let i = 0; i < count; i += 1) {
    const position = view.getUint16(at, true);
    const datatype = DATATYPES[view.getUint8(at + 2)];
    if (datatype === undefined) throw new RangeError('tensor blob names an unknown datatype');
    const shape: number[] = [];
    const rank = view.getUint8(at + 3);
    at += 4;
    for (let axis = 0; axis < rank; axis += 1, at += 4) shape.push(view.getUint32(at, true));
    heads.push({ position, datatype, shape, bytes: view.getUint32(at, true) });
    at += 4;
  }
  const tensors = heads.map(({ bytes: length, ...head }) => {
    const start = align(at);
    at = start + length;
    if (at > bytes.byteLength) throw new RangeError('tensor blob is cut short');
    return { ...head, data: bytes.subarray(start, at) };
  });
  return { tensors, requested };
}
