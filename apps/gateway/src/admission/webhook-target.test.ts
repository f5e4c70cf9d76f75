import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { isWithin, parseAddress, parseBlock, type Block } from './address.ts';
import { mayReach, mayTellOperator, webhookTarget } from './webhook-target.ts';

const allow = (...list: string[]): Block[] => list.map((text) => parseBlock(text) as Block);
const isRefused = (url: string, allowed: readonly Block[] = []): boolean => 'refusal' in webhookTarget(url, allowed);

/** Each with what it is. */
const NOT_PUBLIC = `
0.0.0.0 this network
0.255.255.255 this network
10.0.0.1 private
10.255.255.255 private
100.64.0.1 carrier-grade NAT
100.127.255.255 carrier-grade NAT
127.0.0.1 loopback
127.255.255.254 loopback
169.254.169.254 link-local, where clouds keep credentials
172.16.0.1 private
172.31.255.255 private
192.0.0.8 protocol assignments
192.0.2.1 documentation
192.88.99.1 6to4 relay
192.168.1.1 private
198.18.0.1 benchmarks
198.19.255.255 benchmarks
198.51.100.7 documentation
203.0.113.9 documentation
224.0.0.1 multicast
239.255.255.255 multicast
240.0.0.1 reserved
255.255.255.255 broadcast
:: unspecified
::1 loopback
::127.0.0.1 IPv4-compatible
::ffff:127.0.0.1 IPv4-mapped loopback
::ffff:10.0.0.1 IPv4-mapped private
::ffff:a9fe:a9fe IPv4-mapped link-local
::ffff:0:127.0.0.1 IPv4-translated
64:ff9b::7f00:1 NAT64
64:ff9b:1::1 NAT64
100::1 discard
2001::1 Teredo
2001:2::1 benchmarks
2001:db8::1 documentation
2002:7f00:1::1 6to4
3fff::1 documentation
fc00::1 unique local
fd12:3456:789a::1 unique local
fe80::1 link-local
fe80::1%eth0 link-local with a zone
fec0::1 site-local
ff02::1 multicast
`
  .trim()
  .split('\n')
  .map((line) => line.split(' ')[0] ?? '');

const PUBLIC =
  '8.8.8.8 1.1.1.1 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 172.15.255.255 172.32.0.1 192.167.1.1 223.255.255.255 2606:4700::1111 2a00:1450:4001::1 ::ffff:8.8.8.8'.split(
    ' ',
  );

test('every address that is not public is refused, in the URL and at the connection', () => {
  for (const address of NOT_PUBLIC) {
    assert.equal(mayReach(address, [], true), false, address);
    if (address.includes('%')) continue;
    const host = address.includes(':') ? `[${address}]` : address;
    assert.equal(isRefused(`https://${host}/hook`), true, address);
  }
});

test('public addresses are reached, over https alone', () => {
  for (const address of PUBLIC) {
    assert.equal(mayReach(address, [], true), true, address);
    assert.equal(mayReach(address, [], false), false, address);
    const host = address.includes(':') ? `[${address}]` : address;
    assert.equal(isRefused(`https://${host}/hook`), false, address);
    assert.equal(isRefused(`http://${host}/hook`, allow('10.0.0.0/8')), true, address);
  }
});

test('other spellings of loopback are loopback', () => {
  for (const host of [
    '2130706433',
    '0x7f.1',
    '0177.1',
    '127.1',
    '0x7f000001',
    '127.0.0.1.',
    'localhost',
    'a.localhost',
    '[::ffff:7f00:1]',
    '[0:0:0:0:0:0:0:1]',
    '①②⑦.0.0.1',
  ])
    assert.equal(isRefused(`https://${host}/`), true, host);
});

test('only https, without a user, on the usual ports', () => {
  for (const url of [
    'http://example.com/',
    'file:///etc/passwd',
    'gopher://example.com/',
    'data:text/plain,x',
    'ftp://example.com/',
    'javascript:alert(1)',
    'https://user:secret@example.com/',
    'https://user@example.com/',
    'https://example.com:22/',
    'https://example.com:6379/',
    'https://example.com:7999/',
    'https://example.com:10000/',
    'example.com',
    '//example.com/',
    'https://',
    `https://example.com/${'a'.repeat(2_048)}`,
    '',
  ])
    assert.equal(isRefused(url), true, url);
  for (const url of [
    'https://example.com/a?b=c',
    'https://example.com:443/',
    'https://example.com:80/',
    'https://example.com:8000/',
    'https://example.com:9999/',
  ])
    assert.equal(isRefused(url), false, url);
  assert.deepEqual(webhookTarget('https://EXAMPLE.com/a#b', []), { url: 'https://example.com/a' });
});

test('what is allowed by name is reached, also in the clear, and nothing beside it', () => {
  const allowed = allow('127.0.0.0/8', 'fd00::/8', '192.168.7.7');
  for (const url of [
    'http://127.0.0.1:8080/',
    'https://127.9.9.9:9000/',
    'http://[fd00::1]/',
    'http://192.168.7.7/',
    'http://localhost:8000/',
    'http://[::ffff:127.0.0.1]/',
  ])
    assert.equal(isRefused(url, allowed), false, url);
  for (const url of ['http://10.0.0.1/', 'https://192.168.7.8/', 'http://[fc00::1]/', 'http://8.8.8.8/'])
    assert.equal(isRefused(url, allowed), true, url);
  // A name is checked when it is looked up.
  assert.equal(isRefused('http://internal.example/', allowed), false);
  assert.equal(mayReach('10.0.0.1', allowed, false), false);
  assert.equal(mayReach('127.3.3.3', allowed, false), true);
});

test('addresses are read in every form, and what is none is none', () => {
  fc.assert(
    fc.property(fc.ipV4(), (text) => {
      assert.equal(parseAddress(text), parseAddress(`::ffff:${text}`));
      assert.ok(isWithin(parseAddress(text) as bigint, parseBlock(`${text}/8`) as Block));
    }),
  );
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const address = parseAddress(text);
      assert.ok(address !== undefined, text);
      const full = address
        .toString(16)
        .padStart(32, '0')
        .replaceAll(/(.{4})(?=.)/g, '$1:');
      assert.equal(parseAddress(full), address);
    }),
  );
  for (const text of [
    '',
    'a',
    '1.2.3',
    '1.2.3.256',
    '1.2.3.4.5',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    'g::',
    '12345::',
    '::1.2.3',
    '::1.2.3.999',
  ])
    assert.equal(parseAddress(text), undefined, text);
  for (const text of ['10.0.0.0/33', '::/129', '10.0.0/8', 'x/8', '10.0.0.0/', '/8'])
    assert.equal(parseBlock(text), undefined, text);
});

test('what an operator names may be private, but not link-local', () => {
  for (const address of ['127.0.0.1', '10.1.2.3', '::1', 'fd00::1', '8.8.8.8'])
    assert.equal(mayTellOperator(address), true);
  for (const address of [
    '169.254.169.254',
    '::ffff:169.254.169.254',
    'fe80::1',
    '0.0.0.0',
    '255.255.255.255',
    'ff02::1',
    'name',
  ])
    assert.equal(mayTellOperator(address), false, address);
});
