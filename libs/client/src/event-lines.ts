/** Server-sent events out of text that comes in pieces (WHATWG HTML, section 9.2.6). */
export type ServerEvent = {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
};

export type EventLines = {
  /** The events that this piece completes. */
  push(piece: string): ServerEvent[];
  /** Id of the latest event: where to go on after a break. */
  lastId(): string | undefined;
  /** How long the server wants a client to stay away after a break. */
  retryMs(): number | undefined;
};

/** More text without the end of a line is no event stream. */
const LONGEST_LINE = 1_048_576;

export function createEventLines(): EventLines {
  let rest = '';
  let name = '';
  let data: string[] = [];
  let id: string | undefined;
  let retry: number | undefined;

  function field(line: string): void {
    const colon = line.indexOf(':');
    // A comment: the server tells that it is still there.
    if (colon === 0) return;
    const key = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (key === 'data') data.push(value);
    else if (key === 'event') name = value;
    else if (key === 'id' && !value.includes('\0')) id = value;
    else if (key === 'retry' && /^\d+$/.test(value)) retry = Number(value);
  }

  return {
    push(piece) {
      const events: ServerEvent[] = [];
      rest += piece;
      // The \r at the end of a piece may be the first half of \r\n.
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      if (rest.length > LONGEST_LINE) throw new RangeError('a line of the event stream does not end');
      for (const line of lines) {
        if (line !== '') field(line);
        else {
          if (data.length > 0) events.push({ id, event: name === '' ? 'message' : name, data: data.join('\n') });
          name = '';
          data = [];
        }
      }
      return events;
    },
    lastId: () => id,
    retryMs: () => retry,
  };
}
