/** A Redis of its own for a test: own folder, free port, append-only file; killed and restarted at will. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type TestRedis = {
  readonly url: string;
  readonly port: number;
  readonly dir: string;
  kill9(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
};

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address ? address.port : 0;
}

async function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => socket.write('PING\r\n'));
    socket.on('data', (data) => {
      socket.destroy();
      resolve(data.toString().startsWith('+PONG'));
    });
    socket.on('error', () => resolve(false));
  });
}

export async function startRedis(): Promise<TestRedis> {
  const dir = await mkdtemp(join(tmpdir(), 'batchyard-redis-'));
  const port = await freePort();
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    const args = ['--port', String(port), '--dir', dir, '--appendonly', 'yes', '--save', '', '--bind', '127.0.0.1'];
    child = spawn('redis-server', args, { stdio: 'ignore' });
    const limit = Date.now() + 10_000;
    while (!(await answers(port))) {
      if (Date.now() > limit) throw new Error('the test Redis does not answer');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const kill9 = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    dir,
    kill9,
    restart: start,
    async stop() {
      await kill9();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
