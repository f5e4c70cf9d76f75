/**
 * IP addresses and blocks of them (CIDR) as 128-bit numbers; an IPv4 address is its IPv4-mapped IPv6 one, so that both
 * spellings of an address are the same address.
 */

const V4_IN_V6 = 0xffff_0000_0000n;
const HEX = /^[0-9a-f]{1,4}$/i;

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || parts.some((part) => !/^\d{1,3}$/.test(part) || Number(part) > 255)) return undefined;
  return parts.reduce((sum, part) => (sum << 8n) | BigInt(Number(part)), 0n);
}

/** Groups on one side of `::`; a dotted tail counts as two. */
function groupsOf(text: string): string[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const tail = groups.at(-1) ?? '';
  if (!tail.includes('.')) return groups;
  const v4 = parseV4(tail);
  if (v4 === undefined) return undefined;
  return [...groups.slice(0, -1), (v4 >> 16n).toString(16), (v4 & 0xffffn).toString(16)];
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = [groupsOf(halves[0] ?? ''), groupsOf(halves[1] ?? '')];
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...tail];
  if (groups.some((group) => !HEX.test(group))) return undefined;
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

/** @returns undefined for what is no address; a zone (`fe80::1%eth0`) does not count */
export function parseAddress(text: string): bigint | undefined {
  if (!text.includes(':')) {
    const v4 = parseV4(text);
    return v4 === undefined ? undefined : V4_IN_V6 | v4;
  }
  return parseV6(text.replace(/%.*$/, ''));
}

export type Block = { readonly first: bigint; readonly bits: bigint };

/** `10.0.0.0/8`, `fc00::/7`, or an address alone. @returns undefined for what is none */
export function parseBlock(text: string): Block | undefined {
  const [, address = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text.trim()) ?? [];
  const first = parseAddress(address);
  if (first === undefined) return undefined;
  const whole = address.includes(':') ? 128 : 32;
  const prefix = length === undefined ? whole : Number(length);
  if (prefix > whole) return undefined;
  return { first, bits: BigInt(whole - prefix) };
}

export const isWithin = (address: bigint, { first, bits }: Block): boolean => address >> bits === first >> bits;
