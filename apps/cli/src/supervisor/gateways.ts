/**
 * The gateways of this machine behind one public port, and one of gRPC. Of several each is a process of its own, and all
 * take connections from the one socket that this process has bound (node:cluster): one that ends, or is killed, takes only
 * its own with it, and the others take what comes meanwhile. Each has an operations port of its own, the first OPS_PORT and the
 * others those above it: what a process tells of itself (probes, metrics) would otherwise be told by one at random.
 */
import type { Config } from '../config.ts';
import { superviseChild, type Child } from './child.ts';

type Parts = {
  readonly config: Pick<Config, 'HOST' | 'PORT' | 'OPS_HOST' | 'OPS_PORT' | 'GRPC_PORT' | 'BATCHYARD_GATEWAYS'>;
  readonly file: string;
  readonly env: NodeJS.ProcessEnv;
  readonly nodeFlags: readonly string[];
  readonly onGiveUp: (sentence: string) => void;
};

/** Port 0 stays 0: each has a free one. */
export function opsPorts({ OPS_PORT, BATCHYARD_GATEWAYS }: Pick<Config, 'OPS_PORT' | 'BATCHYARD_GATEWAYS'>): number[] {
  return Array.from({ length: BATCHYARD_GATEWAYS }, (_, i) => (OPS_PORT === 0 ? 0 : OPS_PORT + i));
}

export function superviseGateways({ config, file, env, nodeFlags, onGiveUp }: Parts): Child[] {
  const { HOST, PORT, OPS_HOST, GRPC_PORT, BATCHYARD_GATEWAYS: count } = config;
  const grpc = GRPC_PORT === undefined ? {} : { GRPC_PORT: String(GRPC_PORT) };
  return opsPorts(config).map((opsPort, i) =>
    superviseChild({
      name: count === 1 ? 'the gateway' : `gateway ${i + 1}`,
      file,
      env: { ...env, HOST, PORT: String(PORT), OPS_HOST, OPS_PORT: String(opsPort), ...grpc },
      nodeFlags,
      sharesPort: count > 1,
      onGiveUp,
    }),
  );
}
