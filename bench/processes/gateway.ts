/** One more gateway on a running system, as the supervisor starts its own. */
import { fork } from 'node:child_process';
import { once as event } from 'node:events';
import { fileURLToPath } from 'node:url';

import { once } from '../once.ts';

const GATEWAY = fileURLToPath(new URL('../../apps/gateway/dist/main.js', import.meta.url));
const NODE_FLAGS = ['--max-semi-space-size=16'];
const MEMORY_ENV = { MALLOC_MMAP_THRESHOLD_: '1048576' };

export type Gateway = {
  readonly pid: number;
  readonly port: number;
  /** Base URL of its operations listener. */
  readonly ops: string;
  stop(): Promise<void>;
};

export async function startGateway(redis: string, env: Readonly<Record<string, string>>): Promise<Gateway> {
  const { PATH, HOME } = process.env;
  const child = fork(GATEWAY, [], {
    env: {
      ...MEMORY_ENV,
      PATH,
      HOME,
      REDIS_URL: redis,
      PORT: '0',
      OPS_PORT: '0',
      GRPC_PORT: 'off',
      LOG_LEVEL: 'warn',
      ...env,
    },
    execArgv: NODE_FLAGS,
  });
  const ended = event(child, 'exit').then(() => {
    throw new Error('a gateway ended before it served');
  });
  const [ready] = (await Promise.race([event(child, 'message'), ended])) as [{ port: number; opsPort: number }];
  ended.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    port: ready.port,
    ops: `http://127.0.0.1:${ready.opsPort}`,
    stop: once(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await event(child, 'exit');
    }),
  };
}
