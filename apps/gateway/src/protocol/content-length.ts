/** `Inference-Header-Content-Length`: how many bytes of the body are JSON. */
import { Failure } from '@batchyard/shared/contract/failure';

/**
 * @param value as node:http gives it; a header sent twice arrives as `a, b`
 * @param bodyBytes length of the body, inflated
 * @returns the bytes of JSON; 0 = a raw request; without the header all of the body
 */
export function jsonLength(value: string | undefined, bodyBytes: number): number {
  if (value === undefined) return bodyBytes;
  if (!/^\d{1,20}$/.test(value)) {
    const got = value.length > 40 ? `${value.slice(0, 40)}…` : value;
    throw new Failure('bad_request', `Unable to parse Inference-Header-Content-Length, got: ${got}`);
  }
  const length = Number(value);
  if (length > bodyBytes) {
    throw new Failure('bad_request', `inference header size should be in range (0, ${bodyBytes}), got: ${value}`);
  }
  return length;
}
