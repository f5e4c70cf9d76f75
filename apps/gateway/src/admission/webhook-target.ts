/**
 * Which addresses a webhook may be sent to. A URL is looked at when it is given, and every address that its name leads to
 * when the connection is made, because a name may lead elsewhere by then. What is not public has to be allowed by name.
 */
import { isWithin, parseAddress, parseBlock, type Block } from './address.ts';

const blocks = (list: string): Block[] => list.split(' ').map((text) => parseBlock(text) as Block);

/** The registries of special-purpose addresses (RFC 6890 and what came after it), multicast and what is reserved. */
const SPECIAL_V4 = blocks(
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.31.196.0/24 ' +
    '192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3',
);
/** Of IPv6 only global unicast is public, and of that not what tunnels, documents or leads back into IPv4. */
const [GLOBAL_V6 = { first: 0n, bits: 0n }] = blocks('2000::/3');
const SPECIAL_V6 = blocks('2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20');
const [MAPPED_V4 = { first: 0n, bits: 0n }] = blocks('::ffff:0:0/96');

function isPublic(address: bigint): boolean {
  if (isWithin(address, MAPPED_V4)) return !SPECIAL_V4.some((block) => isWithin(address, block));
  return isWithin(address, GLOBAL_V6) && !SPECIAL_V6.some((block) => isWithin(address, block));
}

/** @param encrypted over https; in the clear a webhook goes only where it was allowed to by name */
export function mayReach(text: string, allowed: readonly Block[], encrypted: boolean): boolean {
  const address = parseAddress(text);
  if (address === undefined) return false;
  return allowed.some((block) => isWithin(address, block)) || (encrypted && isPublic(address));
}

const NOWHERE = blocks('0.0.0.0/8 169.254.0.0/16 224.0.0.0/3 ::/128 fe80::/10 ff00::/8');

/** What an operator has named may be anywhere but where no receiver is, or where clouds keep credentials. */
export function mayTellOperator(text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && !NOWHERE.some((block) => isWithin(address, block));
}

const LONGEST = 2_048;
const isPort = (port: number): boolean => port === 443 || port === 80 || (port >= 8_000 && port <= 9_999);

export type Target = { readonly url: string } | { readonly refusal: string };

/** The part of the check that needs no look-up. */
export function webhookTarget(text: string, allowed: readonly Block[]): Target {
  if (text.length > LONGEST) return { refusal: `it has more than ${LONGEST} characters` };
  if (!URL.canParse(text)) return { refusal: 'it is no URL' };
  const url = new URL(text);
  const encrypted = url.protocol === 'https:';
  if (!encrypted && (url.protocol !== 'http:' || allowed.length === 0))
    return { refusal: 'it must begin with https://' };
  if (url.username !== '' || url.password !== '') return { refusal: 'it must not carry a user or a password' };
  const port = Number(url.port || (encrypted ? 443 : 80));
  if (!isPort(port)) return { refusal: 'its port must be 443, 80 or one of 8000 to 9999' };
  // The parser has made the usual form of 0x7f.1, 2130706433 and the like.
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  const local = /(^|\.)localhost$/.test(host) ? '127.0.0.1' : host;
  if (parseAddress(local) !== undefined && !mayReach(local, allowed, encrypted))
    return { refusal: 'its address is not one that webhooks may reach' };
  url.hash = '';
  return { url: url.href };
}
