/** The calls that ask about the server and its models, answered as over HTTP; and that there is no shared memory. */
import type { handleUnaryCall, UntypedServiceImplementation } from '@grpc/grpc-js';

import { Failure } from '@batchyard/shared/contract/failure';
import { MODEL_NAME } from '@batchyard/shared/contract/model';

import { plainParameters } from '../protocol/grpc-infer.ts';
import type { GrpcParameters } from '../protocol/grpc-messages.ts';
import { shown } from '../protocol/infer-request.ts';
import { liveBody, serverMetadata, type ServerIdentity } from '../protocol/metadata.ts';
import { readLoadRequest } from '../protocol/repository-index.ts';
import { asFailure, errorOf, statusOf } from './call-status.ts';
import { headersOf, type Headers } from './infer-calls.ts';
import { logAnswer, traceAnswer, type LogRequest, type TraceRequest } from './setting-calls.ts';

/** What is asked of a model, in the words of HTTP's paths. */
type Question = '' | '/ready' | '/config' | '/stats';

export type ServerParts = {
  readonly identity: ServerIdentity;
  /** Whether requests can be answered now. */
  ready(): boolean;
  /** Without a model of all of them. @throws Failure model_not_found, queue_unavailable */
  ask(question: Question, model?: string, version?: string): Promise<object>;
  /** @returns who calls, as the log has it; @throws Failure unauthorized, forbidden, rate_limited */
  admit(headers: Headers, need: 'any' | 'admin'): string;
  /** Is told of each change that was made, or failed. */
  changed(who: string, what: string, why?: Failure): void;
  /** Is told of each that its caller was not let make. */
  refused(headers: Headers, what: string, why: Failure): void;
  readonly repository: {
    index(onlyReady: boolean): Promise<readonly object[]>;
    load(model: string, config: string | undefined): Promise<void>;
    unload(model: string): Promise<void>;
  };
  /** This gateway's, whose level may be read and set. */
  readonly log: { level: string };
};

type Named = { readonly name: string; readonly version: string };
type Changed = { readonly model_name: string; readonly parameters: GrpcParameters };
type Answer<Request> = (request: Request, headers: Headers) => object | Promise<object>;

/** What the log calls it; undefined: it only reads. */
type Change<Request> = (request: Request) => string | undefined;

/** An answer, or the failure that it throws, as the library wants them. */
function answering<Request>(
  answer: Answer<Request>,
  admit: (headers: Headers) => void = () => undefined,
): handleUnaryCall<Request, object> {
  return ({ request, metadata }, callback) => {
    const respond = async (): Promise<void> => {
      try {
        const headers = headersOf(metadata);
        admit(headers);
        callback(null, await answer(request, headers));
      } catch (error) {
        callback(errorOf(statusOf(error)));
      }
    };
    void respond();
  };
}

const noSharedMemory = (): never => {
  throw new Failure('bad_request', 'shared memory is not supported: send the data itself');
};

/** @throws Failure not_found */
function modelOf({ model_name: name }: Changed): string {
  if (MODEL_NAME.test(name)) return name;
  throw new Failure('not_found', `there is no model '${shown(name)}'`);
}

/** As its JSON has them, so that both protocols refuse the same; what is bytes there is text. */
function parametersOf({ parameters }: Changed): Buffer {
  const plain = Object.entries(plainParameters(parameters)).map(([key, value]): [string, unknown] => [
    key,
    (value as unknown) instanceof Uint8Array ? '' : value,
  ]);
  return Buffer.from(JSON.stringify({ parameters: Object.fromEntries(plain) }));
}

export function createServerCalls(parts: ServerParts): UntypedServiceImplementation {
  const { identity, ready, ask, repository } = parts;
  const askOf = (question: Question, { name, version }: Named): Promise<object> =>
    ask(question, MODEL_NAME.test(name) ? name : shown(name), version === '' ? undefined : version);

  const looks = (headers: Headers): void => void parts.admit(headers, 'any');
  const looking = <Request>(answer: Answer<Request>) => answering(answer, looks);
  function changing<Request>(change: Change<Request>, answer: Answer<Request>) {
    return answering(async (request: Request, headers) => {
      const what = change(request);
      // Found out once: a key that is revoked meanwhile has made its change all the same.
      let who: string | undefined;
      try {
        who = parts.admit(headers, 'admin');
        const told = await answer(request, headers);
        if (what !== undefined) parts.changed(who, what);
        return told;
      } catch (error) {
        if (what !== undefined && who !== undefined) parts.changed(who, what, asFailure(error));
        else if (what !== undefined) parts.refused(headers, what, asFailure(error));
        throw error;
      }
    });
  }
  const ofModel = (call: string) => (asked: Changed) => `${call} ${shown(asked.model_name)}`;
  const ofSettings =
    (call: string) =>
    ({ settings }: { readonly settings: object }) =>
      Object.keys(settings).length > 0 ? call : undefined;
  const always = (call: string) => () => call;

  return {
    ServerLive: answering(() => ({ live: liveBody().live })),
    ServerReady: answering(() => ({ ready: ready() })),
    ServerMetadata: looking(() => serverMetadata(identity)),
    ModelReady: looking((asked: Named) => askOf('/ready', asked)),
    ModelMetadata: looking((asked: Named) => askOf('', asked)),
    ModelConfig: looking(async (asked: Named) => ({ config: await askOf('/config', asked) })),
    ModelStatistics: looking((asked: Named) => (asked.name === '' ? ask('/stats') : askOf('/stats', asked))),
    RepositoryIndex: looking(async (asked: { readonly ready: boolean }) => ({
      models: await repository.index(asked.ready),
    })),
    RepositoryModelLoad: changing(ofModel('RepositoryModelLoad'), async (asked) => {
      const model = modelOf(asked);
      await repository.load(model, readLoadRequest(model, parametersOf(asked)));
      return {};
    }),
    RepositoryModelUnload: changing(ofModel('RepositoryModelUnload'), async (asked) => {
      await repository.unload(modelOf(asked));
      return {};
    }),
    TraceSetting: changing(ofSettings('TraceSetting'), (asked: TraceRequest) => traceAnswer(asked)),
    LogSettings: changing(ofSettings('LogSettings'), (asked: LogRequest) => logAnswer(asked, parts.log)),
    SystemSharedMemoryStatus: looking(() => ({ regions: {} })),
    SystemSharedMemoryUnregister: changing(always('SystemSharedMemoryUnregister'), () => ({})),
    SystemSharedMemoryRegister: changing(always('SystemSharedMemoryRegister'), noSharedMemory),
    CudaSharedMemoryStatus: looking(() => ({ regions: {} })),
    CudaSharedMemoryUnregister: changing(always('CudaSharedMemoryUnregister'), () => ({})),
    CudaSharedMemoryRegister: changing(always('CudaSharedMemoryRegister'), noSharedMemory),
  };
}
