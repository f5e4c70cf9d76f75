/** JSON whose integers beyond 2^53 come as strings of their digits: JSON.parse would round them. */
const LONG_INTEGER = /^-?\d{16,}$/;

/** @throws SyntaxError */
export function parseExactly(text: string): unknown {
  const quoted = text.replaceAll(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) =>
    LONG_INTEGER.test(token) ? `"${token}"` : token,
  );
  return JSON.parse(quoted) as unknown;
}
