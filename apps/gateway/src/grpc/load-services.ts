/** The services as grpc-js wants them, from the files in proto/. */
import { fileURLToPath } from 'node:url';

import type { ServiceDefinition } from '@grpc/grpc-js';
import { load, type PackageDefinition } from '@grpc/proto-loader';

/** The same path from src and from dist. */
const FOLDER = fileURLToPath(new URL('../../proto/', import.meta.url));

export type Services = { readonly inference: ServiceDefinition; readonly health: ServiceDefinition };

function serviceOf(loaded: PackageDefinition, name: string): ServiceDefinition {
  const found = loaded[name];
  if (!found || 'format' in found) throw new Error(`proto/ has no service ${name}`);
  return found;
}

/** A message together with its length on the wire, which is what it takes of the memory for requests. */
export type Sized<T> = T & { readonly wireBytes: number };

function withSize(method: ServiceDefinition[string]): ServiceDefinition[string] {
  const { requestDeserialize } = method;
  return {
    ...method,
    requestDeserialize: (bytes: Buffer): object =>
      Object.assign(requestDeserialize(bytes) as object, { wireBytes: bytes.byteLength }),
  };
}

export async function loadServices(): Promise<Services> {
  const loaded = await load(['inference.proto', 'health.proto'], {
    includeDirs: [FOLDER],
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  const inference = serviceOf(loaded, 'inference.GRPCInferenceService');
  return {
    inference: Object.fromEntries(Object.entries(inference).map(([name, method]) => [name, withSize(method)])),
    health: serviceOf(loaded, 'grpc.health.v1.Health'),
  };
}
