/** Where values of the Redis protocol (RESP 2 and 3) end, so that a proxy can tell one reply from the next. Pure. */

const LF = 10;

/** @returns the index after the value that begins at `from`, or -1 while it has not come in whole. */
export function valueEnd(bytes: Buffer, from = 0): number {
  let at = from;
  for (let left = 1; left > 0; left -= 1) {
    const end = bytes.indexOf(LF, at);
    if (end < 0) return -1;
    const type = String.fromCharCode(bytes[at] ?? 0);
    const count = Math.max(-1, Number(bytes.toString('latin1', at + 1, end - 1)));
    at = end + 1;
    if (type === '$' || type === '!' || type === '=') {
      if (count >= 0) at += count + 2;
      if (at > bytes.length) return -1;
    } else if (type === '*' || type === '~' || type === '>') left += Math.max(0, count);
    else if (type === '%') left += 2 * count;
    else if (type === '|') left += 2 * count + 1;
    else if (!'+-:_#,('.includes(type)) throw new Error(`no value of the Redis protocol begins with ${type}`);
  }
  return at;
}

/** Cuts a stream into whole values. */
export function createValueReader(onValue: (value: Buffer) => void): (chunk: Buffer) => void {
  let kept: Buffer = Buffer.alloc(0);
  return (chunk) => {
    const bytes = kept.length === 0 ? chunk : Buffer.concat([kept, chunk]);
    let from = 0;
    for (let end = valueEnd(bytes); end >= 0; end = from < bytes.length ? valueEnd(bytes, from) : -1) {
      onValue(bytes.subarray(from, end));
      from = end;
    }
    kept = bytes.subarray(from);
  };
}

/** The first two words of a command, the first in capitals. */
export function firstWords(command: Buffer): [name: string, first: string] {
  const words: string[] = [];
  let at = command.indexOf(LF) + 1;
  while (words.length < 2 && at < command.length) {
    const end = command.indexOf(LF, at);
    const length = Number(command.toString('latin1', at + 1, end - 1));
    words.push(command.toString('latin1', end + 1, end + 1 + length));
    at = end + length + 3;
  }
  return [(words[0] ?? '').toUpperCase(), words[1] ?? ''];
}
