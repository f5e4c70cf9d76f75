/**
 * TLS of a listener: a certificate with its chain and a key, read from files, and again when they have changed; connections
 * that are open keep what they began with. What cannot be read then is told, and the last pair stays.
 */
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions, type Server, type TlsOptions } from 'node:tls';

export type TlsFiles = { readonly certFile: string; readonly keyFile: string };
export type Pair = { readonly cert: Buffer; readonly key: Buffer };

export type TlsPair = {
  readonly first: Pair;
  /** @returns the pair where it has changed and is one */
  look(): Pair | undefined;
};

/** Connections in whose first seconds no handshake comes about are closed. */
const HANDSHAKE_MS = 10_000;
const LOOK_MS = 5_000;

const contextOf = (pair: Pair): SecureContextOptions => ({ ...pair, minVersion: 'TLSv1.2' });

export const secureOptions = ({ first }: TlsPair): TlsOptions => ({
  ...contextOf(first),
  handshakeTimeout: HANDSHAKE_MS,
});

/** A pair has one such listener. @returns what ends the looking */
export function keepCertificate(server: Pick<Server, 'setSecureContext'>, tls: TlsPair): () => void {
  const looking = setInterval(() => {
    const pair = tls.look();
    if (pair) server.setSecureContext(contextOf(pair));
  }, LOOK_MS);
  return () => clearInterval(looking);
}

const stampOf = ({ certFile, keyFile }: TlsFiles): string =>
  [certFile, keyFile]
    .map((file) => statSync(file))
    .map(({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`)
    .join();

/** @throws Error where they cannot be read, or do not belong together */
function readPair({ certFile, keyFile }: TlsFiles): Pair {
  const pair = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
  createSecureContext(pair);
  return pair;
}

/** @throws Error with a sentence a person can act on */
export function openTlsPair(files: TlsFiles, report: (sentence: string) => void): TlsPair {
  let [seen, first] = ['', undefined as Pair | undefined];
  try {
    seen = stampOf(files);
    first = readPair(files);
  } catch (error) {
    throw new Error(`TLS cannot be used with ${files.certFile} and ${files.keyFile}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return {
    first,
    look() {
      try {
        const stamp = stampOf(files);
        if (stamp === seen) return undefined;
        seen = stamp;
        return readPair(files);
      } catch (error) {
        report(`the new certificate cannot be used, the last one stays: ${(error as Error).message}`);
        return undefined;
      }
    },
  };
}
