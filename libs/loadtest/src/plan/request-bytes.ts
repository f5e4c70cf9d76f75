/**
 * A kind of request as bytes on the wire, built once. Before each use a number is written over its first elements, so that
 * no two requests are the same and no cache can answer for the model, unless it is meant to.
 */
import { elementCount } from '@batchyard/shared/contract/tensor';

import { ELEMENTS } from './elements.ts';
import type { InputSpec, RequestKind, Target } from './load-plan.ts';

export type RequestBytes = {
  /** A copy of its own. @param number of the input: the same number gives the same bytes */
  stamped(number: number): Buffer;
  /** So many numbers give different inputs; the ones beyond repeat. */
  readonly distinct: number;
};

/** Where a part of the number goes. */
type Place = { readonly values: number; put(bytes: Buffer, value: number): void };

/** More distinct requests than a test sends. */
const ENOUGH = 1e12;

/** Even over the values of an element, the same for the same place. */
const mixed = (index: number, values: number): number => (Math.imul(index + 1, 0x9e3779b1) >>> 0) % values;

/** Places from the front of the inputs until they are enough; `at` is where an input's first element is, `step` how far the next. */
function placesOf(inputs: readonly InputSpec[], form: 'json' | 'binary', starts: readonly number[]): Place[] {
  const places: Place[] = [];
  let distinct = 1;
  for (const [i, { datatype, shape }] of inputs.entries()) {
    const element = ELEMENTS[datatype];
    const step = form === 'json' ? element.json(0).length + 1 : element.bytes;
    const count = elementCount(shape);
    for (let nth = 0; nth < count && distinct < ENOUGH; nth += 1) {
      const at = (starts[i] ?? 0) + nth * step;
      distinct *= element.values;
      places.push({
        values: element.values,
        put(bytes, value) {
          if (form === 'json') bytes.write(element.json(value), at, 'latin1');
          else element.write(bytes, at, value);
        },
      });
    }
  }
  return places;
}

type Body = { readonly bytes: Buffer; readonly starts: readonly number[]; readonly headerLength?: number };

function jsonBody(inputs: readonly InputSpec[]): Body {
  const starts: number[] = [];
  let text = '{"inputs":[';
  for (const [i, { name, datatype, shape }] of inputs.entries()) {
    const { json, values } = ELEMENTS[datatype];
    text += `${i === 0 ? '' : ','}{"name":${JSON.stringify(name)},"shape":${JSON.stringify(shape)},"datatype":"${datatype}","data":[`;
    starts.push(Buffer.byteLength(text));
    text += Array.from({ length: elementCount(shape) }, (_, nth) => json(mixed(nth, values))).join(',');
    text += ']}';
  }
  return { bytes: Buffer.from(`${text}]}`), starts };
}

function binaryBody(inputs: readonly InputSpec[]): Body {
  const tensors = inputs.map(({ datatype, shape }) => {
    const element = ELEMENTS[datatype];
    const count = elementCount(shape);
    const bytes = Buffer.alloc(count * element.bytes);
    for (let nth = 0; nth < count; nth += 1) element.write(bytes, nth * element.bytes, mixed(nth, element.values));
    return bytes;
  });
  const described = inputs.map(({ name, datatype, shape }, i) => ({
    name,
    datatype,
    shape,
    parameters: { binary_data_size: tensors[i]?.byteLength },
  }));
  const head = Buffer.from(JSON.stringify({ inputs: described, parameters: { binary_data_output: true } }));
  const starts: number[] = [];
  let at = head.byteLength;
  for (const tensor of tensors) {
    starts.push(at);
    at += tensor.byteLength;
  }
  return { bytes: Buffer.concat([head, ...tensors]), starts, headerLength: head.byteLength };
}

type Way = { readonly target: Target; readonly timeoutMs: number };

function headOf(kind: RequestKind, { target, timeoutMs }: Way, body: Pick<Body, 'bytes' | 'headerLength'>): string {
  const version = kind.version === undefined ? '' : `/versions/${encodeURIComponent(kind.version)}`;
  return [
    `POST ${target.basePath}/v2/models/${encodeURIComponent(kind.model)}${version}/infer HTTP/1.1`,
    `Host: ${target.host}:${target.port}`,
    ...(target.authorization === undefined ? [] : [`Authorization: ${target.authorization}`]),
    `Batchyard-Priority: ${kind.priority}`,
    `Batchyard-Timeout-Ms: ${timeoutMs}`,
    ...(body.headerLength === undefined
      ? ['Content-Type: application/json']
      : ['Content-Type: application/octet-stream', `Inference-Header-Content-Length: ${body.headerLength}`]),
    `Content-Length: ${body.bytes.byteLength}`,
    '',
    '',
  ].join('\r\n');
}

/** FP16 has no JSON: such a request goes out as binary whatever was asked. */
export function buildRequest(kind: RequestKind, way: Way): RequestBytes {
  if (kind.bodies && kind.bodies.length > 0) {
    const all = kind.bodies.map((text) => {
      const bytes = Buffer.from(text);
      return Buffer.concat([Buffer.from(headOf(kind, way, { bytes })), bytes]);
    });
    return { distinct: all.length, stamped: (number) => all[number % all.length] ?? Buffer.alloc(0) };
  }
  const form = kind.inputs.some(({ datatype }) => datatype === 'FP16') ? 'binary' : kind.form;
  const body = form === 'json' ? jsonBody(kind.inputs) : binaryBody(kind.inputs);
  const head = Buffer.from(headOf(kind, way, body));
  const template = Buffer.concat([head, body.bytes]);
  const places = placesOf(
    kind.inputs,
    form,
    body.starts.map((at) => at + head.byteLength),
  );
  return {
    distinct: places.reduce((product, { values }) => product * values, 1),
    stamped(number) {
      const bytes = Buffer.from(template);
      let rest = number;
      for (const { values, put } of places) {
        put(bytes, rest % values);
        rest = Math.floor(rest / values);
      }
      return bytes;
    },
  };
}
