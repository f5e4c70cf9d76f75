/**
 * A POST that goes nowhere else than it may. Every address that a name leads to is looked at where the connection looks it
 * up, so that a name cannot lead elsewhere between the look and the connection; redirects are answers like any other. The
 * answer is read so far as to let the connection go: 64 KiB of it, and all within five seconds.
 */
import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { request as plainRequest, type RequestOptions } from 'node:http';
import { request as encryptedRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';

type Parts = {
  /** Whether an address may be connected to; `encrypted`: over https. */
  readonly mayReach: (address: string, encrypted: boolean) => boolean;
  readonly lookup?: typeof systemLookup;
};
type Post = { readonly url: string; readonly headers: Readonly<Record<string, string>>; readonly body: string };

/** @returns the status; rejects when there was no answer */
export type GuardedPost = (post: Post) => Promise<number>;

const CALL_MS = 5_000;
const ANSWER_BYTES = 65_536;

const refused = (): Error => new Error('its address is not one that webhooks may reach');

export function createGuardedPost({ mayReach, lookup = systemLookup }: Parts): GuardedPost {
  const guarded =
    (encrypted: boolean): LookupFunction =>
    (hostname, options, callback) => {
      lookup(hostname, { ...options, all: true }, (error, found) => {
        const addresses = (found as LookupAddress[] | undefined) ?? [];
        const allowed = addresses.filter(({ address }) => mayReach(address, encrypted));
        const [first] = allowed;
        if (error || !first) callback(error ?? refused(), '', 0);
        else if (options.all === true) callback(null, allowed);
        else callback(null, first.address, first.family);
      });
    };

  return ({ url, headers, body }) =>
    new Promise((resolve, reject) => {
      const target = new URL(url);
      const encrypted = target.protocol === 'https:';
      const host = target.hostname.replace(/^\[(.*)\]$/, '$1');
      // What is an address already is never looked up.
      if (isIP(host) !== 0 && !mayReach(host, encrypted)) {
        reject(refused());
        return;
      }
      const options: RequestOptions = {
        method: 'POST',
        headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
        lookup: guarded(encrypted),
        agent: false,
        signal: AbortSignal.timeout(CALL_MS),
      };
      const call = (encrypted ? encryptedRequest : plainRequest)(target, options, (answer) => {
        let bytes = 0;
        const done = (): void => resolve(answer.statusCode ?? 0);
        answer.on('data', (part: Buffer) => {
          bytes += part.byteLength;
          if (bytes > ANSWER_BYTES) answer.destroy();
        });
        // The status says it all: what is wrong with the rest of an answer does not matter.
        answer.once('close', done).on('error', done);
      });
      call.on('error', (error: NodeJS.ErrnoException) =>
        reject(
          error.name === 'AbortError' || error.name === 'TimeoutError'
            ? new Error(`no answer within ${CALL_MS} ms`)
            : error,
        ),
      );
      call.end(body);
    });
}
