/** Part of the wiring: the gRPC listener, open before the one that says that the gateway is ready. Its library is loaded only where it listens. */
import { Failure } from '@batchyard/shared/contract/failure';
import type { Passed } from '@batchyard/shared/contract/memory';
import type { Logger } from '@batchyard/shared/runtime/log';

import type { AnswerRequest } from './answer-request.ts';
import type { Config } from './config.ts';
import type { FleetView } from './fleet/fleet-view.ts';
import type { ModelBreaker } from './fleet/model-breaker.ts';
import type { InferParts } from './grpc/infer-calls.ts';
import type { GrpcListener } from './grpc/serve-grpc.ts';
import type { ServerParts } from './grpc/server-calls.ts';
import { permittedClass, spendRows, whoOf, type Caller, type Need } from './http/caller.ts';
import type { BytesInFlight } from './http/bytes-in-flight.ts';
import { lookUp, type Limits } from './http/infer-route.ts';
import { createInquiries, type InquiryDesk } from './http/inquiry-routes.ts';
import { EXTENSIONS } from './http/public-app.ts';
import { reportTo } from './http/report-trouble.ts';
import { givenRequestId, newRequestId, REQUEST_ID } from './http/request-id.ts';
import { priorityHeader, timeoutHeader } from './http/request-options.ts';
import type { OpenAccess } from './open-access.ts';

type Parts = {
  readonly config: Config;
  readonly version: string;
  readonly fleet: FleetView;
  readonly ready: () => boolean;
  readonly inquiries: InquiryDesk;
  readonly repository: ServerParts['repository'];
  readonly breaker: ModelBreaker;
  readonly results: AnswerRequest['results'];
  readonly limits: Pick<Limits, 'screen' | 'elements'>;
  readonly observe: InferParts['observe'];
  readonly trace: InferParts['trace'];
  readonly inFlight: BytesInFlight;
  readonly copies: { readonly request: Passed; readonly result: Passed };
  readonly access: Pick<OpenAccess, 'admit' | 'audit' | 'grpc'>;
  readonly log: Logger;
};

const DEFAULT_PORT = 8001;

/** In place of a listener where there is none. */
const nowhere = { port: undefined, close: () => Promise.resolve(), end: () => undefined };

function askOf(desk: InquiryDesk): ServerParts['ask'] {
  const { ofModel, ofAll } = createInquiries(desk);
  return async (question, model, version) => {
    const told =
      model === undefined ? await ofAll() : await ofModel.get(question)?.({ model, version, rest: question });
    return told?.body ?? {};
  };
}

export async function openGrpc(parts: Parts): Promise<Omit<GrpcListener, 'port'> & { port: number | undefined }> {
  const { config, fleet, breaker, inFlight, access, log } = parts;
  if (config.GRPC_PORT === 'off') return nowhere;
  /** @throws Failure unauthorized, forbidden, rate_limited */
  function admitted(headers: Readonly<Record<string, string | undefined>>, need: Need): Caller {
    const caller = access.admit({ headers }, need, undefined);
    if (caller instanceof Failure) throw caller;
    return caller;
  }
  function changed(who: string, path: string, why?: Failure): void {
    access.audit({ who, from: 'gRPC', method: 'POST', path, status: why?.kind.status ?? 200, body: '' });
  }
  const { serveGrpc } = await import('./grpc/serve-grpc.ts');
  const report = reportTo(log);
  const find = (model: string, version: string | undefined) => lookUp(fleet, { model, version, rest: '' });
  const started = serveGrpc({
    host: config.HOST,
    port: config.GRPC_PORT ?? DEFAULT_PORT,
    tls: access.grpc.tls,
    mostBytes: config.BATCHYARD_MAX_BINARY_BYTES,
    bytes: inFlight,
    timeouts: {
      requestMs: config.BATCHYARD_REQUEST_TIMEOUT * 1_000,
      answerMs: config.BATCHYARD_ANSWER_TIMEOUT * 1_000,
    },
    server: {
      identity: { name: config.BATCHYARD_SERVER_NAME, version: parts.version, extensions: EXTENSIONS },
      ready: parts.ready,
      ask: askOf(parts.inquiries),
      repository: parts.repository,
      log,
      admit: (headers, need) => whoOf(admitted(headers, need)),
      changed,
      // Who has no key that is known can fill no log.
      refused(headers, path, why) {
        if (why.code === 'forbidden') changed(whoOf(admitted(headers, 'any')), path, why);
      },
    },
    infer: {
      lookUp: find,
      wishes: (headers) => ({
        priority: priorityHeader(headers),
        timeoutMs: timeoutHeader(headers),
        caller: admitted(headers, 'infer'),
      }),
      permit(caller, { wanted, named, rows }) {
        const priority = permittedClass(caller, wanted, named);
        spendRows(caller, rows);
        return priority;
      },
      screen: parts.limits.screen,
      elements: parts.limits.elements,
      results: (asked, gone) => breaker.run(asked.queue, () => parts.results(asked, gone), gone),
      observe: parts.observe,
      trace: parts.trace,
      report({ given, failure, error }) {
        const requestId = givenRequestId({ headers: { [REQUEST_ID]: given } }) ?? newRequestId();
        report({ requestId, route: 'grpc', failure, error });
        return requestId;
      },
      copies: parts.copies,
    },
  });
  return started.catch((error: NodeJS.ErrnoException) => {
    // A second system on this machine, whose owner has said nothing of gRPC.
    if (error.code !== 'EADDRINUSE' || config.GRPC_PORT !== undefined) throw error;
    log.warn(`port ${DEFAULT_PORT} is in use: no gRPC here; GRPC_PORT names another one, or turns it off`);
    return nowhere;
  });
}
