/** What the server serves, and whether it is ready. */
import { call, readJson, type CallOptions } from './call.ts';
import type { Server } from './connect.ts';
import { BatchyardFailure } from './failure.ts';
import { modelPath } from './request.ts';
import type { Datatype } from './tensor.ts';

export type TensorMetadata = {
  readonly name: string;
  readonly datatype: Datatype;
  /** −1 for an axis of any length. */
  readonly shape: readonly number[];
};
export type ModelMetadata = {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
};

type Which = { readonly model: string; readonly version?: string | undefined };

/** @throws BatchyardFailure */
export function modelMetadata(server: Server, which: Which, options: CallOptions = {}): Promise<ModelMetadata> {
  return call(server, { ...options, method: 'GET', path: `/v2/${modelPath(which)}` }, readJson<ModelMetadata>);
}

/** Whether the server, or this model, takes requests now. @throws BatchyardFailure when there is no answer, or no such model */
export async function isReady(server: Server, which?: Which, options: CallOptions = {}): Promise<boolean> {
  const path = which === undefined ? '/v2/health/ready' : `/v2/${modelPath(which)}/ready`;
  try {
    return await call(server, { ...options, method: 'GET', path, once: true }, async (response) => {
      await response.text();
      return true;
    });
  } catch (error) {
    if (error instanceof BatchyardFailure && error.status === 503) return false;
    throw error;
  }
}
