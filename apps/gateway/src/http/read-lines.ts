/** Lines of a stream, one at a time. What is held is one line; a line that is too long is let go as it comes. */

const NEWLINE = 10;
const FIRST_ROOM_BYTES = 4_096;

/** Bytes that come in pieces, however small, copied into one room that doubles. */
function createRoom(limit: number) {
  let room = Buffer.alloc(0);
  let used = 0;
  let over = false;
  return {
    isEmpty: () => used === 0 && !over,
    add(piece: Buffer): void {
      if (over || used + piece.byteLength > limit) {
        over = true;
        used = 0;
        return;
      }
      if (used + piece.byteLength > room.byteLength) {
        const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_ROOM_BYTES, 2 * (used + piece.byteLength)));
        room.copy(larger, 0, 0, used);
        room = larger;
      }
      used += piece.copy(room, used);
    },
    /** @returns undefined for a line that was too long */
    take(): Buffer | undefined {
      const line = over ? undefined : room.subarray(0, used);
      room = Buffer.alloc(0);
      used = 0;
      over = false;
      return line;
    },
  };
}

const isBlank = (line: Buffer): boolean => line.byteLength < 64 && line.toString('latin1').trim() === '';

/** Blank lines are left out. @returns for each line its bytes, or undefined when it has more than `limit` */
export async function* readLines(source: AsyncIterable<Buffer>, limit: number): AsyncGenerator<Buffer | undefined> {
  const begun = createRoom(limit);
  for await (const chunk of source) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      begun.add(chunk.subarray(from, at));
      from = at + 1;
      const line = begun.take();
      if (line === undefined || !isBlank(line)) yield line;
    }
    begun.add(chunk.subarray(from));
  }
  if (begun.isEmpty()) return;
  const last = begun.take();
  if (last === undefined || !isBlank(last)) yield last;
}
