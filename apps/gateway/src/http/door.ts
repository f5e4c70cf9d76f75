/** Who comes in at the public listener: before any route, so that none can be forgotten. Where no key is asked for it costs one question. */
import type { IncomingMessage, ServerResponse } from 'node:http';

import { Failure } from '@batchyard/shared/contract/failure';

import { auditRequest, type Audit } from './audit.ts';
import { identify, may, OPEN_CALLER, type Caller, type Need } from './caller.ts';
import type { Keyring, Presented } from './keyring.ts';
import { pathOf } from './paths.ts';
import { changesServer, publicNeeds } from './public-needs.ts';
import type { WrongKeys } from './wrong-keys.ts';

/** @returns the caller, or why nobody comes in */
export type Admit = (presented: Presented, need: Need, address: string | undefined) => Caller | Failure;
/** @returns why the request is refused */
export type Door = (request: IncomingMessage, response: ServerResponse) => Failure | undefined;

type Parts = {
  readonly keyring: Keyring;
  readonly wrongKeys: WrongKeys;
  /** Asks for a key though there are none: the listener can be reached from elsewhere. */
  readonly closed: boolean;
};

const CHALLENGE = 'Bearer realm="Batchyard"';

export const notAllowed = (need: Need): Failure =>
  new Failure('forbidden', `this needs a key with the scope ${need === 'any' ? 'infer or read' : need}`);

export function createAdmit({ keyring, wrongKeys, closed }: Parts): Admit {
  return (presented, need, address) => {
    if (need === 'open' || (!closed && !keyring.hasKeys())) return OPEN_CALLER;
    const caller = keyring.recognise(presented);
    if (!(caller instanceof Failure)) return may(caller, need) ? caller : notAllowed(need);
    const { authorization, 'x-api-key': named } = presented.headers;
    if (caller.code !== 'unauthorized' || (authorization ?? named) === undefined) return caller;
    return wrongKeys(address ?? '', performance.now()) ?? caller;
  };
}

/** @param audit is told of the changes that a key was refused; who has no key that is known can fill no log */
export function createDoor(admit: Admit, isOpen: () => boolean, audit: Audit): Door {
  return (request, response) => {
    if (isOpen()) return undefined;
    const method = request.method ?? '';
    const path = pathOf(request.url ?? '');
    const address = request.socket.remoteAddress;
    const caller = admit(request, publicNeeds(method, path), address);
    if (!(caller instanceof Failure)) {
      identify(request, caller);
      return undefined;
    }
    if (caller.code === 'unauthorized') response.setHeader('www-authenticate', CHALLENGE);
    if (caller.code === 'forbidden' && changesServer(method, path)) {
      const known = admit(request, 'any', address);
      if (!(known instanceof Failure)) identify(request, known);
      auditRequest(request, response, audit);
    }
    return caller;
  };
}
