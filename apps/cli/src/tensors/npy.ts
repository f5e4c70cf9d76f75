/** NumPy's array files, format versions 1 to 3: what np.save writes of plain numbers. */
import { ARRAYS, tensor, type Datatype, type Tensor } from '@batchyard/client/tensor';

const TYPES: Readonly<Record<string, Exclude<Datatype, 'BYTES'>>> = {
  '|b1': 'BOOL',
  '|u1': 'UINT8',
  '<u2': 'UINT16',
  '<u4': 'UINT32',
  '<u8': 'UINT64',
  '|i1': 'INT8',
  '<i2': 'INT16',
  '<i4': 'INT32',
  '<i8': 'INT64',
  '<f2': 'FP16',
  '<f4': 'FP32',
  '<f8': 'FP64',
};
const MAGIC = '\u0093NUMPY';
const LENGTH_AT = 8;

/** The header is a Python dict of three fields. @throws RangeError */
function readHeader(text: string): { descr: string; shape: number[] } {
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const shape = /'shape':\s*\(([\d,\s]*)\)/.exec(text)?.[1];
  if (descr === undefined || shape === undefined) throw new RangeError('its header cannot be read');
  if (/'fortran_order':\s*True/.test(text))
    throw new RangeError('it is in column order; np.ascontiguousarray makes it row order');
  const dims = shape.split(',').flatMap((part) => (part.trim() === '' ? [] : [Number(part)]));
  return { descr, shape: dims };
}

/** @throws RangeError with what is wrong with the file */
export function readNpy(file: Uint8Array): Tensor {
  if (file.byteLength < 12 || String.fromCodePoint(...file.subarray(0, 6)) !== MAGIC)
    throw new RangeError('it is no .npy file');
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const wide = (file[6] ?? 0) >= 2;
  const start = LENGTH_AT + (wide ? 4 : 2);
  const end = start + (wide ? view.getUint32(LENGTH_AT, true) : view.getUint16(LENGTH_AT, true));
  if (end > file.byteLength) throw new RangeError('it ends within its header');
  const { descr, shape } = readHeader(new TextDecoder().decode(file.subarray(start, end)));
  const datatype = TYPES[descr];
  if (datatype === undefined)
    throw new RangeError(`its dtype ${descr} is none of ${Object.keys(TYPES).join(', ')}; astype() makes it one`);
  // A copy of its own, where every element is aligned; a Buffer's slice is none.
  const bytes = Uint8Array.from(file.subarray(end));
  const size = ARRAYS[datatype].BYTES_PER_ELEMENT;
  if (bytes.byteLength % size !== 0) throw new RangeError('it ends within an element');
  const data = new ARRAYS[datatype](bytes.buffer, 0, bytes.byteLength / size);
  return tensor(datatype, shape, data as never);
}
