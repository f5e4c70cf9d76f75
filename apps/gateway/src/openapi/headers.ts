/** Headers of answers. */
import type { HeaderObject } from './document.ts';
import type { HeaderName } from './operation.ts';

const text = (description: string): HeaderObject => ({ description, schema: { type: 'string' } });
const number = (description: string): HeaderObject => ({ description, schema: { type: 'integer' } });

export const HEADER_OBJECTS: Readonly<Record<HeaderName, HeaderObject>> = {
  'Batchyard-Cache': text(
    '`hit`: the result was kept. `shared`: an equal request was under way. Absent: it was computed.',
  ),
  'Content-Disposition': text('A name for the file.'),
  'Content-Encoding': text('How the body is compressed: `gzip` or `deflate`. Absent: it is not.'),
  ETag: text('For `If-None-Match`.'),
  'Idempotency-Replayed': text(
    '`true`: a request with this key had come before, and this is its job. Absent otherwise.',
  ),
  'Inference-Header-Content-Length': number('Bytes of JSON at the start of a binary body; absent where all is JSON.'),
  Location: text('Path of the job.'),
  'Preference-Applied': text('What was heeded of `Prefer`; absent without one.'),
  RateLimit: text(
    'Of a key with a rate: rows that are left, and seconds until its quota is full again: `"rows";r=480;t=1`. Absent without one.',
  ),
  'RateLimit-Policy': text(
    'Of a key with a rate: rows that may come at once, and seconds in which as many come in: `"rows";q=500;w=1`. Absent without one.',
  ),
  'Retry-After': number('Seconds after which to try again.'),
  'WWW-Authenticate': text('In which form a key is asked for, with the realm of the listener.'),
  'X-Request-Id': text('Of the request, or a new one where it had none: the log names it.'),
};
