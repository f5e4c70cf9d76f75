/** Part of the wiring: keys, where they come from, what they may send, and how they are made and revoked. */
import { randomBytes } from 'node:crypto';

import type { QueueOperations } from '@batchyard/queue/queue';
import { keyIdOf, lockedOut, MOST_KEYS, type ApiKey, type KeyTerms } from '@batchyard/shared/contract/api-key';
import { Failure } from '@batchyard/shared/contract/failure';
import { createLogger, type Logger } from '@batchyard/shared/runtime/log';
import { openTlsPair, type TlsPair } from '@batchyard/shared/runtime/tls';

import { closedListeners, refuseOpenListeners, tlsFiles, type Config } from './config.ts';
import { createWatchedKeys, hashOf, type WatchedKeys } from './fleet/key-list.ts';
import type { Audit } from './http/audit.ts';
import { createAdmit, createDoor, type Admit, type Door } from './http/door.ts';
import type { Entry } from './http/guard.ts';
import type { KeyDesk, ListedKey } from './http/key-routes.ts';
import { createKeyring } from './http/keyring.ts';
import { createWrongKeys } from './http/wrong-keys.ts';
import { askRedis } from './queue/ask-redis.ts';
import { createRates } from './queue/settle-rates.ts';

type Queue = Pick<QueueOperations, 'accessKeys' | 'changeKeys' | 'settleRates' | 'events'>;
type Parts = {
  readonly config: Config;
  readonly queue: Queue;
  readonly log: Pick<Logger, 'warn'>;
};

export type OpenAccess = {
  /** For what the public listener serves by another protocol. */
  readonly admit: Admit;
  /** How the public listener, and that of the operations, lets in. */
  readonly front: { readonly door: Door; readonly tls: TlsPair | undefined; readonly headerBytes: number };
  readonly grpc: { readonly tls: TlsPair | undefined };
  readonly back: { readonly tls: TlsPair | undefined };
  /** What the operations listener lets in by. */
  readonly entry: Entry;
  readonly keys: KeyDesk;
  readonly audit: Audit;
  /** Reads the keys, now and from now on each second. @throws Error with a sentence a person can act on, where nothing guards a listener */
  start(): Promise<void>;
};

const SECRET_BYTES = 32;
const TRIES = 3;
const LOOK_MS = 1_000;
const REFUSED = 400;

const listed = (source: ListedKey['source'], { sha256: _hidden, ...key }: ApiKey): ListedKey => ({ ...key, source });
const moved = (): Failure => new Failure('conflict', 'somebody else is changing the keys; look at them and try again');

function createDesk(queue: Queue, watched: WatchedKeys, mayBeEmpty: boolean, hasToken: boolean): KeyDesk {
  const changeKeys = askRedis(queue.changeKeys);
  const refresh = askRedis(watched.refresh);

  /** @throws Failure conflict where nobody could make another key after it; without any keys all is open, if that may be */
  function checkLockout(keys: readonly ApiKey[]): void {
    if (hasToken || (keys.length === 0 && mayBeEmpty)) return;
    const why = lockedOut(keys);
    if (why !== undefined) throw new Failure('conflict', why);
  }
  /** Decides on the list as Redis has it; whoever was quicker makes it be read again. */
  async function change(decide: (stored: readonly ApiKey[]) => Parameters<QueueOperations['changeKeys']>[1]) {
    for (let turn = 0; turn < TRIES; turn += 1) {
      await refresh();
      const { version, keys } = watched.stored();
      const outcome = await changeKeys(version, decide(keys));
      if (outcome === 'moved') continue;
      await refresh();
      return outcome;
    }
    throw moved();
  }

  return {
    async list() {
      await refresh();
      const stored = watched.stored().keys.toSorted((a, b) => a.created_at.localeCompare(b.created_at));
      return [...watched.ofFile().map((key) => listed('file', key)), ...stored.map((key) => listed('redis', key))];
    },
    async create(terms: KeyTerms) {
      const secret = `byk_${randomBytes(SECRET_BYTES).toString('base64url')}`;
      const sha256 = hashOf(secret);
      const key: ApiKey = { ...terms, id: keyIdOf(sha256), sha256, created_at: new Date().toISOString() };
      const outcome = await change((stored) => {
        checkLockout([...watched.ofFile(), ...stored, key]);
        return { put: key };
      });
      if (outcome === 'full') throw new Failure('conflict', `there are ${MOST_KEYS} keys already; revoke some first`);
      return { key: listed('redis', key), secret };
    },
    async revoke(id) {
      const outcome = await change((stored) => {
        if (watched.ofFile().some((key) => key.id === id))
          throw new Failure('conflict', 'this key is of BATCHYARD_API_KEYS_FILE; take it out there');
        if (stored.some((key) => key.id === id))
          checkLockout([...watched.ofFile(), ...stored.filter((key) => key.id !== id)]);
        return { remove: id };
      });
      if (outcome === 'unknown') throw new Failure('not_found', 'there is no such key');
    },
  };
}

/** Changes are told whatever else the log leaves out, and to whoever watches the events. */
function createAudit({ config, queue }: Parts): Audit {
  const log = createLogger('audit', config.LOG_LEVEL === 'silent' ? 'silent' : 'info');
  return (line) => {
    const sentence = `${line.who} from ${line.from}: ${line.method} ${line.path}`;
    log.info(line, sentence);
    if (line.status < REFUSED) queue.events.tell('audit', { sentence, ...line });
  };
}

export function openAccess(parts: Parts): OpenAccess {
  const { config, queue, log } = parts;
  const closed = closedListeners(config);
  const report = (sentence: string): void => log.warn(sentence);
  const rates = createRates({
    settle: queue.settleRates,
    now: () => performance.now(),
    later: (run, ms) => void setTimeout(run, ms).unref(),
  });
  const keyring = createKeyring(rates.meterOf);
  const wrongKeys = createWrongKeys();
  const watched = createWatchedKeys({
    accessKeys: queue.accessKeys,
    file: config.BATCHYARD_API_KEYS_FILE,
    report,
    changed(keys) {
      keyring.replace(keys);
      rates.keep(new Set(keys.map(({ id }) => id)));
    },
  });
  const pairOf = (prefix: Parameters<typeof tlsFiles>[1]): TlsPair | undefined => {
    const files = tlsFiles(config, prefix);
    return files && openTlsPair(files, report);
  };
  // A pair tells a change once, to the one listener that it is of.
  const tls = { front: pairOf('BATCHYARD'), grpc: pairOf('BATCHYARD'), back: pairOf('BATCHYARD_OPS') };
  const token = config.BATCHYARD_OPS_TOKEN;
  const audit = createAudit(parts);
  const admit = createAdmit({ keyring, wrongKeys, closed: closed.front });
  return {
    admit,
    front: {
      door: createDoor(admit, () => !closed.front && !keyring.hasKeys(), audit),
      tls: tls.front,
      headerBytes: config.BATCHYARD_MAX_HEADER_BYTES,
    },
    grpc: { tls: tls.grpc },
    back: { tls: tls.back },
    entry: { token, keyring, closed: closed.back, wrongKeys, audit, secure: tls.back !== undefined },
    keys: createDesk(queue, watched, !closed.front && !closed.back, token !== undefined),
    audit,
    async start() {
      await watched.start();
      refuseOpenListeners(config, keyring.hasKeys());
      // By a clock of its own: a revoked key is refused however long other things take.
      setInterval(() => void watched.refresh().catch(() => undefined), LOOK_MS).unref();
    },
  };
}
