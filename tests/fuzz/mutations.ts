/** What is done to good requests: to the document, its bytes, the headers, the path, and the framing itself. */
import type { Random } from './random.ts';
import { verbatim, type Request } from './valid-requests.ts';

/** Values that something somewhere takes for another: of any datatype, size and depth. */
function odd(random: Random): unknown {
  return random.pick<() => unknown>([
    () => null,
    () => random.chance(0.5),
    () => -1,
    () => 0,
    () => 1.5,
    () => random.pick([2 ** 31, 2 ** 32, 2 ** 53, 1e19, -(2 ** 63), 300, -129, 65_536]),
    () =>
      verbatim(random.pick(['1e400', '-1e400', '1e39', 'NaN', 'Infinity', '-0', '01', '+1', '.5', '1.', '0x10', '1e'])),
    () => verbatim('9'.repeat(1 + random.int(400))),
    () => verbatim('['.repeat(1 + random.int(300))),
    () => verbatim(`${'['.repeat(101)}1${']'.repeat(101)}`),
    () =>
      random.pick([
        '',
        'NaN',
        '1',
        '__proto__',
        '\u0000',
        'INT32',
        'FP16',
        'BF16',
        'x'.repeat(200),
        '\ud800',
        '-Infinity',
      ]),
    () => verbatim(random.pick(['"\\ud800"', '"\\x"', '"\t"', '"', "'a'", 'nul', 'truee', '/* */ 1', '1,', '{"a":}'])),
    () => [],
    () => ({}),
    () => [[], [1], null],
    () => Array.from({ length: random.int(2_000) }, (_, i) => i),
    () => [2 ** 20, 2 ** 20, 2 ** 20],
    () => [2 ** 33, 2 ** 33],
    () => ({ ['__proto__x']: 1, constructor: { prototype: { x: 1 } } }),
    () => verbatim('{"__proto__":{"x":1}}'),
    () => verbatim('{"a":1,"a":2}'),
  ])();
}

type Node = Record<string, unknown> | unknown[];
type Slot = { readonly holder: Node; readonly key: string | number };

/** Every place of a document, those of long arrays by their first few. */
function slotsOf(holder: Node): Slot[] {
  const keys: (string | number)[] = Array.isArray(holder) ? [...holder.keys()].slice(0, 4) : Object.keys(holder);
  return keys.flatMap((key) => {
    const value = (holder as Record<string | number, unknown>)[key];
    const own = { holder, key };
    return typeof value === 'object' && value !== null ? [own, ...slotsOf(value as Node)] : [own];
  });
}

/** Changes one to three places of the document. */
export function mutateDocument(request: Request, random: Random): void {
  const { document } = request;
  if (!document) return;
  for (let turns = 1 + random.int(3); turns > 0; turns -= 1) {
    const slots = slotsOf(document);
    if (slots.length === 0) return;
    const { holder, key } = random.pick(slots);
    const place = holder as Record<string | number, unknown>;
    const change = random.int(5);
    if (change === 0 && Array.isArray(holder)) holder.splice(Number(key), 1);
    else if (change === 0) delete place[key];
    else if (change === 1 && Array.isArray(holder)) holder.push(structuredClone(place[key]));
    else if (change === 1)
      place[random.pick(['extra', 'opts', 'name', 'shape', 'parameters', 'triton_x', 'data'])] = odd(random);
    else if (change === 2 && typeof place[key] === 'number')
      place[key] = Number(place[key]) + random.pick([-1, 1, 0.5, 2 ** 31]);
    else place[key] = odd(random);
  }
}

/** Changes bytes: bits flipped, a piece cut out, doubled, cut off or put in. */
export function mutateBytes(bytes: Buffer, random: Random): Buffer {
  const at = random.int(bytes.byteLength + 1);
  const end = Math.min(bytes.byteLength, at + 1 + random.int(40));
  const piece = bytes.subarray(at, end);
  const around = (inner: Buffer): Buffer => Buffer.concat([bytes.subarray(0, at), inner, bytes.subarray(end)]);
  switch (random.int(6)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return around(Buffer.alloc(0));
    case 2:
      return around(Buffer.concat([piece, piece]));
    case 3:
      return around(random.bytes(1 + random.int(40)));
    case 4:
      return around(
        Buffer.from(random.pick(['\u0000', '\r\n', '"', '{', ']', '\\u0000', '\ufeff', ',,', '//', '[[[[', '}}}}'])),
      );
    default: {
      const flipped = Buffer.from(bytes);
      for (let bits = 1 + random.int(6); bits > 0 && flipped.byteLength > 0; bits -= 1) {
        const where = random.int(flipped.byteLength);
        flipped.writeUInt8(flipped.readUInt8(where) ^ (1 << random.int(8)), where);
      }
      return flipped;
    }
  }
}

/** A header of ours, or of HTTP's, with a value that it should not have; never one that changes the framing. */
export function mutateHeaders(request: Request, random: Random): void {
  const number = (): string =>
    random.pick([
      '-1',
      '0',
      '1',
      '7',
      '100',
      '99999999999',
      '1e3',
      'abc',
      '',
      ' ',
      '0x10',
      '1, 2',
      '+5',
      '9'.repeat(30),
    ]);
  const [name, value] = random.pick<() => [string, string]>([
    () => ['Inference-Header-Content-Length', number()],
    () => ['Batchyard-Timeout-Ms', number()],
    () => ['Batchyard-Timeout-Ms', random.pick(['0.000001', '1', '2', '5', '30000'])],
    () => ['Batchyard-Priority', random.pick(['critical', 'low', 'urgent', '1', '__proto__', 'high, low', ''])],
    () => ['Content-Encoding', random.pick(['gzip', 'deflate', 'br', 'identity', 'gzip, gzip', 'x'.repeat(100), ''])],
    () => ['Accept-Encoding', random.pick(['gzip', 'deflate', 'br', '*', 'gzip;q=0', 'x'.repeat(500), ''])],
    () => ['Accept', random.pick(['application/octet-stream', 'text/html', '*/*', 'x'.repeat(500)])],
    () => ['Content-Type', random.pick(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', ''])],
    () => ['Expect', random.pick(['100-continue', '100-Continue', 'tea', ''])],
    () => ['Connection', random.pick(['close', 'keep-alive', 'x', 'upgrade'])],
    () => ['Upgrade', 'websocket'],
    () => ['If-None-Match', random.pick(['"queued-0-"', '*', 'x'])],
    () => ['X-Padding', 'x'.repeat(random.int(15_000))],
    () => ['X-Padding', 'x'.repeat(17_000)],
    () => ['Prefer', random.pick(['respond-async', 'wait=10', 'wait=1e9'])],
    () => [`X-${random.int(1e6)}`, random.bytes(20).toString('base64')],
    () => ['Cookie', '__proto__=1; a=b'],
    () => ['X-HTTP-Method-Override', 'DELETE'],
  ])();
  request.headers.push([name, value]);
  if (random.chance(0.1)) request.headers.push([name, random.chance(0.5) ? value : number()]);
}

const NAMES = [
  'nobody',
  '..',
  '%2e%2e%2f',
  '%252e%252e%252f',
  '..%5c',
  '%00',
  '__proto__',
  'constructor',
  'a:b',
  'x'.repeat(129),
  'x'.repeat(300),
  '%F0%9F%98%80',
  '%zz',
  'simple@1',
  'SIMPLE',
  '%0d%0a',
] as const;

/** Another path, query or method. */
export function mutateTarget(request: Request, random: Random): void {
  const name = random.pick(NAMES);
  request.path = random.pick<() => string>([
    () => request.path.replace(/(?<=models\/)[^/]+/, name),
    () =>
      request.path.replace(
        /(?<=versions\/)[^/]+|(?<=models\/[^/]+)\//,
        `/versions/${random.pick(['-1', '1e3', '9', ...NAMES])}/`,
      ),
    () => `/v1/jobs/${name}${random.pick(['', '/result', '/events'])}`,
    () =>
      `/v1/jobs/aaaaaaa-bbbbbbbbbbbbbbbbbbbb${random.pick(['', '/result'])}?wait=${random.pick(['1e9', '-1', 'x', '5m', ''])}`,
    () => `${request.path}?${random.pick(['', 'a=b', '%zz', '=&=&', 'wait=1', 'x'.repeat(3_000)])}`,
    () => `${request.path}${random.pick(['/', '//', '/x', '%2f', '#x', ';x', '/.', '%00'])}`,
    () =>
      random.pick([
        '/',
        '//',
        '/v2/',
        '/v1',
        '/v1/queues',
        '/metrics',
        '/board',
        '/v2/models',
        '/v2/models//infer',
        '/v1/jobs/',
      ]),
    () => `${random.pick(['/', '/v2/..', '//', '/V2', '/%76%32', 'http://x', 'http://[::1', 'x:'])}${request.path}`,
    () => random.pick(['*', '/%', '/\\', '/\u007f', '/é', `/${'a/'.repeat(2_000)}`, '/v2/models/%ff/ready']),
    () => request.path,
  ])();
  if (random.chance(0.4))
    request.method = random.pick(['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'POST', 'TRACE', 'PROPFIND']);
}

/** Bytes of a request whose framing is wrong on purpose; the connection is of no more use after them. */
export function breakFraming(whole: Buffer, random: Random): Buffer {
  const text = whole.toString('latin1');
  const framed = (replacement: string): Buffer =>
    Buffer.from(
      text.replace(/^Content-Length: .*$/m, () => replacement),
      'latin1',
    );
  return random.pick<() => Buffer>([
    () => whole.subarray(0, random.int(whole.byteLength)),
    () => mutateBytes(whole, random),
    () => mutateBytes(mutateBytes(whole, random), random),
    () => Buffer.concat([whole, mutateBytes(whole, random)]),
    () => Buffer.concat([whole, whole, random.bytes(50)]),
    () => random.bytes(1 + random.int(300)),
    () => Buffer.from(text.replaceAll('\r\n', '\n'), 'latin1'),
    () => Buffer.from(text.replace('\r\n', '\r\n folded: x\r\n'), 'latin1'),
    () => framed('Transfer-Encoding: chunked'),
    () => framed(`Transfer-Encoding: chunked\r\nContent-Length: ${random.int(500)}`),
    () => framed(`Content-Length: ${random.int(500)}\r\nContent-Length: ${random.int(500)}`),
    () =>
      framed(
        `Content-Length: ${random.pick(['-1', '+5', '1e3', '0x10', '99999999999', '9'.repeat(30), '5, 5', '', '8388609'])}`,
      ),
    () => framed(`Content-Length: ${random.int(5_000)}`),
    () =>
      framed(`Transfer-Encoding: ${random.pick(['gzip', 'gzip, chunked', 'chunked, gzip', 'xchunked', 'identity'])}`),
    () => framed(`Expect: 100-continue\r\nContent-Length: ${random.pick(['8388609', '99999999999', '300'])}`),
    () => Buffer.from('16030100a5010000a103030000', 'hex'),
    () => Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    () => Buffer.from(`CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n`),
    () => Buffer.from(`GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(random.int(6_000))}\r\n`),
    () => Buffer.from(text.replace(' HTTP/1.1', random.pick([' HTTP/1.0', ' HTTP/9.9', '', ' HTTP/1.1 x'])), 'latin1'),
  ])();
}
