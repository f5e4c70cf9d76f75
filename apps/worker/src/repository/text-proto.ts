/**
 * The protobuf text format, as far as model configurations use it: `key: value`, `key { … }`, `key [ …, … ]`, comments.
 * Grammar after protobuf.dev, "Text Format Language Specification". A key that comes again makes a list.
 */
export type TextValue = string | number | boolean | TextMessage;
export type TextMessage = { readonly [key: string]: readonly TextValue[] };

export class TextProtoError extends Error {}

const TOKEN =
  /[\s]+|#[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[A-Za-z_][A-Za-z0-9_]*|[-+]?(?:0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?f?)|[-{}<>[\]:,;]/y;
const SKIPPED = /^(?:\s|#)/;
const MAX_DEPTH = 32;

type Token = { readonly text: string; readonly at: number };

function tokens(source: string): Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(source);
    if (!match) throw failure(source, at, `unexpected ${JSON.stringify(source[at])}`);
    if (!SKIPPED.test(match[0])) found.push({ text: match[0], at });
  }
  return found;
}

function failure(source: string, at: number, what: string): TextProtoError {
  const before = source.slice(0, at);
  const line = before.split('\n').length;
  return new TextProtoError(`line ${line}, column ${at - before.lastIndexOf('\n')}: ${what}`);
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '"': '"', "'": "'", '\\': '\\' };
const unquote = (text: string): string =>
  text.slice(1, -1).replace(/\\(.)/g, (_all, char: string) => ESCAPES[char] ?? char);

/** @throws TextProtoError with line and column */
export function parseTextProto(source: string): TextMessage {
  const list = tokens(source);
  let next = 0;
  const peek = (): string | undefined => list[next]?.text;
  const fail = (what: string): TextProtoError => failure(source, list[next]?.at ?? source.length, what);

  function scalar(): TextValue {
    const text = list[next]?.text;
    if (text === undefined) throw fail('a value is missing');
    next += 1;
    if (text.startsWith('"') || text.startsWith("'")) {
      let joined = unquote(text);
      for (let more = peek(); more !== undefined && /^["']/.test(more); more = peek()) {
        joined += unquote(more);
        next += 1;
      }
      return joined;
    }
    if (text === 'true') return true;
    if (text === 'false') return false;
    if (/^[A-Za-z_]/.test(text)) return text;
    const number = Number(text.replace(/f$/, ''));
    if (!/^[-+]?[0-9.]/.test(text) || Number.isNaN(number)) {
      next -= 1;
      throw fail(`unexpected ${JSON.stringify(text)}`);
    }
    return number;
  }

  function value(depth: number): TextValue {
    const open = peek();
    if (open !== '{' && open !== '<') return scalar();
    if (depth > MAX_DEPTH) throw fail(`nested deeper than ${MAX_DEPTH}`);
    next += 1;
    return message(open === '{' ? '}' : '>', depth + 1);
  }

  function values(depth: number): TextValue[] {
    if (peek() !== '[') return [value(depth)];
    next += 1;
    const items: TextValue[] = [];
    while (peek() !== ']') {
      items.push(value(depth));
      if (peek() === ',') next += 1;
      else if (peek() !== ']') throw fail('expected "," or "]"');
    }
    next += 1;
    return items;
  }

  function message(close: string | undefined, depth: number): TextMessage {
    const fields = Object.create(null) as Record<string, TextValue[]>;
    for (;;) {
      const key = peek();
      if (key === close) {
        next += 1;
        return fields;
      }
      if (key === undefined) throw fail(`expected "${close}"`);
      if (!/^[A-Za-z_]/.test(key)) throw fail(`expected a field name, found ${JSON.stringify(key)}`);
      next += 1;
      const opens = ['{', '<', '['].includes(peek() ?? '');
      if (peek() === ':') next += 1;
      else if (!opens) throw fail('expected ":"');
      fields[key] = [...(fields[key] ?? []), ...values(depth)];
      if (peek() === ',' || peek() === ';') next += 1;
    }
  }
  return message(undefined, 0);
}
