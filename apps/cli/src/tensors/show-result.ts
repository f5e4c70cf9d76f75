/** A result as text, and as JSON that keeps what JSON.stringify would round or lose. */
import type { InferResult } from '@batchyard/client/response';
import { texts, type Tensor } from '@batchyard/client/tensor';

const SHOWN = 16;

function elements(tensor: Tensor): unknown[] {
  switch (tensor.datatype) {
    case 'BYTES':
      return texts(tensor);
    case 'BOOL':
      return Array.from(tensor.data, (value) => value !== 0);
    case 'INT64':
    case 'UINT64':
      return Array.from(tensor.data, (value) => (Number.isSafeInteger(Number(value)) ? Number(value) : String(value)));
    default:
      return Array.from(tensor.data, (value) => (Number.isFinite(value) ? value : String(value)));
  }
}

/** FP32 with the digits that it has. */
const shown = (value: unknown, datatype: string): string =>
  typeof value === 'number' && datatype === 'FP32' ? String(Number(value.toPrecision(7))) : JSON.stringify(value);

export function showResult({ model, version, outputs }: InferResult): string[] {
  const lines = Object.entries(outputs).map(([name, tensor]) => {
    const all = elements(tensor);
    const first = all.slice(0, SHOWN).map((value) => shown(value, tensor.datatype));
    const rest = all.length > SHOWN ? `, … (${all.length})` : '';
    const bits = tensor.datatype === 'FP16' ? ' as bits' : '';
    return `${name} ${tensor.datatype}${bits} [${tensor.shape.join(', ')}]: ${first.join(', ')}${rest}`;
  });
  return [`${model} ${version}`, ...lines];
}

/** FP16 is its bits; integers beyond 2^53, NaN and infinities are strings. */
export function resultJson({ id, model, version, outputs, parameters }: InferResult): string {
  return JSON.stringify({
    id,
    model_name: model,
    model_version: version,
    parameters,
    outputs: Object.entries(outputs).map(([name, tensor]) => ({
      name,
      datatype: tensor.datatype,
      shape: tensor.shape,
      data: elements(tensor),
    })),
  });
}
