/** The parser by itself: what is JSON, what is not, and what it costs to say so. Lines of inputs.md under JSON. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '@batchyard/shared/contract/failure';
import fc from 'fast-check';
import { parseJson } from './json-reader.ts';

const parse = (text: string): unknown => parseJson(Buffer.from(text));
const refused = (bytes: string | Uint8Array, text: RegExp): void => {
  assert.throws(
    () => parseJson(typeof bytes === 'string' ? Buffer.from(bytes) : Buffer.from(bytes)),
    (error) => error instanceof Failure && error.kind.status === 400 && text.test(error.message),
    String(bytes).slice(0, 80),
  );
};
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

test('any JSON value is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 8 }), fc.constantFrom(0, 1, 2), (text, indent) => {
      const value: unknown = JSON.parse(text);
      if (/__proto__|constructor/.test(text)) return;
      const got = parse(JSON.stringify(value, undefined, indent));
      assert.equal(JSON.stringify(got), JSON.stringify(value));
    }),
  );
});

test('any string is read as it was written, and lone surrogates are refused', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.equal(parse(JSON.stringify(text)), text);
      assert.equal(parse(`"${Array.from(text, (c) => escaped(c)).join('')}"`), text);
    }),
  );
  for (const text of ['"\\ud800"', '"\\udc00x"', '"\\ud800\\ud800"', '{"\\ud800":1}']) refused(text, /lone surrogate/);
  assert.equal(parse('"\\ud83d\\ude00"'), '\u{1f600}');
});

function escaped(character: string): string {
  let text = '';
  for (let i = 0; i < character.length; i += 1) text += `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
  return text;
}

test('arbitrary bytes give a value or a Failure', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        parseJson(Buffer.from(bytes));
      } catch (error) {
        assert.ok(error instanceof Failure, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test('JSON: truncated 400', () => {
  const whole = '{"a":[1,-2.5e3,"x\\n",true,null],"b":{}}';
  for (let end = 0; end < whole.length; end += 1) refused(whole.slice(0, end), /unexpected|expected|unterminated/);
  parse(whole);
});

test('JSON: trailing garbage 400', () => {
  for (const text of ['{}x', '{}{}', '[] ,', '1 2', '{}\0']) refused(text, /unexpected/);
});

test('JSON: invalid UTF-8 400', () => {
  for (const bytes of [[0xff], [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80]]) {
    refused(Buffer.from([0x22, ...bytes, 0x22]), /not UTF-8/);
  }
  refused(Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]), /unexpected byte 0xef/);
  assert.equal(parse('"\ufeff"'), '\ufeff');
});

test('JSON: NaN literal 400', () => {
  for (const text of ['NaN', '[NaN]', 'Infinity', '-Infinity', '[nan]', 'undefined']) refused(text, /unexpected/);
});

test('JSON: comments 400', () => {
  for (const text of ['/* a */{}', '{}// b', '{"a":1 /* c */}', '# d\n{}']) refused(text, /unexpected/);
});

test('JSON: trailing comma 400', () => {
  for (const text of ['[1,]', '{"a":1,}', '[,]', '{,}', '[1,,2]']) refused(text, /unexpected/);
});

test('JSON: what is no number, string or word of JSON 400', () => {
  const numbers = ['+1', '01', '-', '1.', '.5', '1e', '1e+', '0x10', '1_000', '--1', '-01', '1.e3', '00'];
  const others = [
    "'a'",
    '"a',
    '"\t"',
    '"\\x41"',
    '"\\u12g4"',
    '"\\u12',
    'tru',
    'True',
    'nulll',
    '{a:1}',
    '{"a"}',
    '{1:2}',
  ];
  for (const text of [...numbers, ...others]) refused(text, /request JSON/);
});

test('JSON: depth 100 accepted, 101 and 250,000: 400 and alive', () => {
  parse(nested(100));
  parse(`${'{"a":'.repeat(100)}1${'}'.repeat(100)}`);
  refused(nested(101), /maximum allowed limit \(100\)/);
  refused(`${'{"a":'.repeat(101)}1${'}'.repeat(101)}`, /maximum allowed limit \(100\)/);
  refused(nested(250_000), /maximum allowed limit \(100\)/);
  refused('['.repeat(250_000), /maximum allowed limit \(100\)/);
  parse(`[${'[],'.repeat(1000)}[]]`);
});

test('JSON: __proto__ and constructor.prototype keys 400, ({}).x still undefined', () => {
  refused('{"__proto__":{"x":1}}', /__proto__/);
  refused('{"a":{"\\u005f_proto__":{"x":1}}}', /__proto__/);
  refused('{"constructor":{"prototype":{"x":1}}}', /constructor/);
  assert.equal(({} as Record<string, unknown>)['x'], undefined);
  const value = parse('{"toString":1,"hasOwnProperty":2}') as Record<string, unknown>;
  assert.equal(Object.getPrototypeOf(value), null);
  assert.equal('valueOf' in value, false);
});

test('JSON: 1e400 400', () => {
  for (const text of ['1e400', '[-1e999]', '1'.repeat(400), '{"a":1e1000000000000}'])
    refused(text, /range of a double/);
  refused('1'.repeat(2000), /more than 1000 characters/);
  assert.equal(parse('1e-400'), 0);
});

test('JSON: 100,000 unknown keys 400', () => {
  const keys = Array.from({ length: 100_000 }, (_, i) => `"k${i}":0`);
  refused(`{${keys.join()}}`, /more than 10000 keys/);
  refused(`[${'0,'.repeat(200_000)}0]`, /more than 100000 values/);
});

test('JSON: duplicate keys 400, in one object only', () => {
  refused('{"name":1,"name":2}', /'name' occurs twice/);
  refused('{"a":[{"shape":1,"\\u0073hape":2}]}', /'shape' occurs twice/);
  parse('{"a":{"name":1},"b":{"name":2}}');
});

test('a message shows no more than a little of the input', () => {
  const long = 'k'.repeat(100_000);
  assert.throws(
    () => parse(`{"${long}":1,"${long}":2}`),
    (error) => error instanceof Failure && error.message.length < 300,
  );
});
