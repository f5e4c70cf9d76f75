/**
 * Reads HTTP/1.1 answers from the bytes of one connection, as little of them as a load generator needs: the status and
 * where the body ends. Answers have a Content-Length (RFC 9112, section 6); anything else is an error of the benchmark.
 *
 * Invariant: the same bytes give the same answers however they are cut into chunks.
 */
export type ResponseReader = {
  /**
   * Takes the next bytes; calls `onResponse` for each answer that ends in them, with the text of one that failed. The
   * bytes may be overwritten after.
   */
  feed(bytes: Buffer): void;
};

const END_OF_HEAD = Buffer.from('\r\n\r\n');
const MAX_HEAD = 65_536;
/** More of a failure's text is not needed to tell which it is. */
const MAX_TEXT = 1_024;

/** @throws Error when the head is no head of HTTP/1.1 with a length. */
export function parseHead(head: string): { status: number; contentLength: number } {
  const status = /^HTTP\/1\.1 (\d{3})[ \r]/.exec(head)?.[1];
  if (status === undefined) throw new Error(`no HTTP/1.1 status line: ${JSON.stringify(head.slice(0, 60))}`);
  const length = /\r\ncontent-length:[ \t]*(\d+)[ \t]*(?:\r\n|$)/i.exec(head)?.[1];
  if (length === undefined && status !== '204' && status !== '304') {
    throw new Error(`an answer without Content-Length: ${JSON.stringify(head.slice(0, 200))}`);
  }
  return { status: Number(status), contentLength: Number(length ?? 0) };
}

export function createResponseReader(onResponse: (status: number, text: string) => void): ResponseReader {
  /** The beginning of a head whose end has not come yet. */
  let partial: Buffer | undefined;
  let status = 0;
  /** Body bytes still to come; -1 while a head is awaited. */
  let missing = -1;
  let text = '';

  /** @returns where the head ends in `bytes`, or -1 */
  function readHead(bytes: Buffer, from: number): number {
    const end = bytes.indexOf(END_OF_HEAD, from);
    if (end < 0) return -1;
    const head = parseHead(bytes.toString('latin1', from, end));
    status = head.status;
    missing = head.contentLength;
    return end + END_OF_HEAD.byteLength;
  }

  return {
    feed(chunk) {
      const bytes = partial ? Buffer.concat([partial, chunk]) : chunk;
      partial = undefined;
      let at = 0;
      while (at < bytes.byteLength) {
        if (missing < 0) {
          const bodyAt = readHead(bytes, at);
          if (bodyAt < 0) {
            if (bytes.byteLength - at > MAX_HEAD) throw new Error('an answer with endless headers');
            partial = Buffer.from(bytes.subarray(at));
            return;
          }
          at = bodyAt;
        }
        const take = Math.min(missing, bytes.byteLength - at);
        if (status >= 400 && text.length < MAX_TEXT) text += bytes.toString('latin1', at, at + take);
        at += take;
        missing -= take;
        if (missing > 0) return;
        missing = -1;
        onResponse(status, text);
        text = '';
      }
    },
  };
}
