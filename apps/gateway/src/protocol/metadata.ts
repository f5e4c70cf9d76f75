/** Bodies of the protocol's health and metadata routes. */
import { type Model, type TensorSpec, publicShape } from '@batchyard/shared/contract/model';

export type ServerIdentity = {
  readonly name: string;
  readonly version: string;
  /** Only what is implemented. */
  readonly extensions: readonly string[];
};

export type TensorMetadata = { readonly name: string; readonly datatype: string; readonly shape: readonly number[] };

export type ModelMetadata = {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
};

/** `GET /v2` */
export const serverMetadata = ({ name, version, extensions }: ServerIdentity): ServerIdentity => ({
  name,
  version,
  extensions,
});

/** `GET /v2/health/live` */
export const liveBody = (): { readonly live: true } => ({ live: true });

/** `GET /v2/health/ready` */
export const readyBody = (ready: boolean): { readonly live: true; readonly ready: boolean } => ({ live: true, ready });

/** `GET /v2/models/{m}/ready` */
export const modelReadyBody = (model: string, ready: boolean): { readonly name: string; readonly ready: boolean } => ({
  name: model,
  ready,
});

/**
 * `GET /v2/models/{m}`: shapes with the batch axis as -1 where the model has one.
 *
 * @param versions every version that is served, in the order to show
 */
export function modelMetadata(model: Model, versions: readonly string[] = [model.version]): ModelMetadata {
  const described = (spec: TensorSpec): TensorMetadata => ({
    name: spec.name,
    datatype: spec.datatype,
    shape: publicShape(model, spec),
  });
  return {
    name: model.name,
    versions,
    platform: model.platform,
    inputs: model.inputs.map(described),
    outputs: model.outputs.map(described),
  };
}
