/** One more gateway beside a running system, without a supervisor: killed at will, and it stays dead. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../apps/gateway/dist/main.js', import.meta.url));

export type ExtraGateway = {
  readonly url: string;
  readonly ops: string;
  /** Host and port, where `GRPC_PORT` was given. */
  readonly grpc: string;
  readonly child: ChildProcess;
  kill9(): Promise<void>;
};

/** Resolves once it listens. */
export async function startGateway(env: Record<string, string>): Promise<ExtraGateway> {
  const { PATH } = process.env;
  const child = fork(MAIN, [], { env: { PATH, PORT: '0', OPS_PORT: '0', LOG_LEVEL: 'error', ...env } });
  const [ready] = (await once(child, 'message')) as [
    { kind: string; port: number; opsPort: number; grpcPort?: number },
  ];
  if (ready.kind !== 'ready') throw new Error(`the gateway did not start: ${JSON.stringify(ready)}`);
  return {
    url: `http://127.0.0.1:${ready.port}`,
    ops: `http://127.0.0.1:${ready.opsPort}`,
    grpc: `127.0.0.1:${ready.grpcPort}`,
    child,
    async kill9() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
