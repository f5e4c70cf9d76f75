/**
 * What the Redis client copied of a reply: a string that came in one read is a view of what was read, one that came in
 * several was joined, into memory of exactly its size.
 */
export const copiedByReply = (bytes: Uint8Array | undefined): number =>
  bytes !== undefined && bytes.buffer.byteLength === bytes.byteLength ? bytes.byteLength : 0;
