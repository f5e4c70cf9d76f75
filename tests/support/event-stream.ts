/** Reads server-sent events of a running system. */
export type SentEvent = { readonly id: string; readonly event: string; readonly data: Record<string, unknown> };

export type EventReader = {
  readonly seen: readonly SentEvent[];
  /** Comments and `retry`, as they came. */
  readonly notes: readonly string[];
  /** Resolves when the stream is over. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
};

function parse(block: string): SentEvent | string {
  const fields = new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line]));
  const value = (name: string): string => (fields.get(name) ?? '').slice(name.length + 2);
  if (!fields.has('data')) return block;
  return { id: value('id'), event: value('event'), data: JSON.parse(value('data')) as Record<string, unknown> };
}

/** @param lastId of a watcher who comes back @param more headers */
export async function readEvents(
  base: string,
  lastId?: string,
  path = '/v1/events',
  more: Readonly<Record<string, string>> = {},
): Promise<EventReader> {
  const [seen, notes]: [SentEvent[], string[]] = [[], []];
  const gone = new AbortController();
  const headers: Record<string, string> = { ...more, accept: 'text/event-stream' };
  if (lastId !== undefined) headers['last-event-id'] = lastId;
  const answer = await fetch(base + path, { headers, signal: gone.signal });
  if (answer.status !== 200 || !answer.body) throw new Error(`events: ${answer.status}`);
  const { body } = answer;
  const reading = (async () => {
    let rest = '';
    for await (const chunk of body) {
      const blocks = (rest + Buffer.from(chunk as Uint8Array).toString()).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const found = parse(block);
        if (typeof found === 'string') notes.push(found);
        else seen.push(found);
      }
    }
  })().catch(() => undefined);
  return {
    seen,
    notes,
    ended: reading,
    async close() {
      gone.abort();
      await reading;
    },
  };
}
