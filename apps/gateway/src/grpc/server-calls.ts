/** The calls that ask about the server and its models, answered as over HTTP; and that there is no shared memory. */
import type { handleUnaryCall, UntypedServiceImplementation } from '@grpc/grpc-js';

import { Failure } from '@batchyard/shared/contract/failure';
import { MODEL_NAME } from '@batchyard/shared/contract/model';

import { plainParameters } from '../protocol/grpc-infer.ts';
import type { GrpcParameters } from '../protocol/grpc-messages.ts';
import { shown } from '../protocol/infer-request.ts';
import { liveBody, serverMetadata, type ServerIdentity } from '../protocol/metadata.ts';
import { readLoadRequest } from '../protocol/repository-index.ts';
import { errorOf, statusOf } from './call-status.ts';
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
  /** @throws Failure unauthorized, forbidden, rate_limited */
  admit(headers: Headers, need: 'any' | 'admin'): void;
  /** Is told of each change that was made. */
  changed(headers: Headers, what: string): void;
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

  const looks = (headers: Headers): void => parts.admit(headers, 'any');
  const changes = (headers: Headers): void => parts.admit(headers, 'admin');
  const looking = <Request>(answer: Answer<Request>) => answering(answer, looks);
  const changing = <Request>(answer: Answer<Request>) => answering(answer, changes);

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
    RepositoryModelLoad: changing(async (asked: Changed, headers) => {
      const model = modelOf(asked);
      await repository.load(model, readLoadRequest(model, parametersOf(asked)));
      parts.changed(headers, `RepositoryModelLoad ${model}`);
      return {};
    }),
    RepositoryModelUnload: changing(async (asked: Changed, headers) => {
      const model = modelOf(asked);
      await repository.unload(model);
      parts.changed(headers, `RepositoryModelUnload ${model}`);
      return {};
    }),
    TraceSetting: changing((asked: TraceRequest) => traceAnswer(asked)),
    LogSettings: changing((asked: LogRequest, headers) => {
      const told = logAnswer(asked, parts.log);
      if (Object.keys(asked.settings).length > 0) parts.changed(headers, 'LogSettings');
      return told;
    }),
    SystemSharedMemoryStatus: looking(() => ({ regions: {} })),
    SystemSharedMemoryUnregister: changing(() => ({})),
    SystemSharedMemoryRegister: changing(noSharedMemory),
    CudaSharedMemoryStatus: looking(() => ({ regions: {} })),
    CudaSharedMemoryUnregister: changing(() => ({})),
    CudaSharedMemoryRegister: changing(noSharedMemory),
  };
}
