/** One supervised process: started, watched, started again, drained. */
import { fork, type ChildProcess } from 'node:child_process';
import cluster from 'node:cluster';
import { once } from 'node:events';

import type { ChildMessage } from '@batchyard/shared/contract/child-message';

import { decideRestart, type Life } from './restart-policy.ts';

export type ChildSpec = {
  readonly name: string;
  readonly file: string;
  readonly env: NodeJS.ProcessEnv;
  readonly nodeFlags?: readonly string[];
  /** It listens on a port together with others: this process binds it, and each takes connections from it. */
  readonly sharesPort?: boolean;
  onMessage?(message: ChildMessage): void;
  /** Told at once when it has ended; `token` is what it was called last, `drained` that it ended in good order. */
  onExit?(token: string | undefined, drained: boolean): void;
  /** It will not be started again. */
  onGiveUp(sentence: string): void;
};

export type Child = {
  /** Resolves at its first sign of readiness; rejects with its sentence when it is given up before. */
  readonly ready: Promise<Extract<ChildMessage, { kind: 'ready' }>>;
  /** From now on its end is expected: a Ctrl-C reaches the children as well. */
  expectEnd(): void;
  /** SIGTERM, then SIGKILL past the limit. */
  stop(limitMs: number): Promise<void>;
  /** The same while the others go on: where it had to be killed, or died, what it held is brought back. */
  retire(limitMs: number): Promise<void>;
};

function launch({ file, env, nodeFlags = [], sharesPort = false }: ChildSpec): ChildProcess {
  const execArgv = [...nodeFlags];
  const stdio: ('ignore' | 'inherit' | 'ipc')[] = ['ignore', 'inherit', 'inherit', 'ipc'];
  if (!sharesPort) return fork(file, [], { env, execArgv, stdio });
  // By itself node gives each connection to a child in turn, and one that it gave to a child that is killed in that moment
  // stays open and is never answered.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.setupPrimary({ exec: file, args: [], execArgv, stdio });
  return cluster.fork(env).process;
}

export function superviseChild(spec: ChildSpec): Child {
  const lives: Life[] = [];
  let child: ChildProcess;
  let stopping = false;
  let reason = '';
  let settle: { resolve(message: Extract<ChildMessage, { kind: 'ready' }>): void; reject(error: Error): void };
  const ready = new Promise<Extract<ChildMessage, { kind: 'ready' }>>((resolve, reject) => {
    settle = { resolve, reject };
  });
  ready.catch(() => undefined);

  let token: string | undefined;

  function start(): void {
    token = undefined;
    let wasReady = false;
    child = launch(spec);
    child.on('message', (message: ChildMessage) => {
      if (message.kind === 'hello') token = message.token;
      if (message.kind === 'failed') reason = message.sentence;
      if (message.kind === 'ready') {
        wasReady = true;
        settle.resolve(message);
      }
      spec.onMessage?.(message);
    });
    child.on('error', () => undefined);
    child.on('exit', () => {
      lives.push({ endedMs: Date.now(), wasReady });
      if (stopping) return;
      spec.onExit?.(token, child.exitCode === 0);
      const decision = decideRestart(lives.slice(-20), Date.now());
      if (decision.kind === 'restart') {
        setTimeout(() => (stopping ? undefined : start()), decision.inMs);
        return;
      }
      const sentence = `${spec.name} ended ${decision.deaths} times before it was ready${reason === '' ? '' : `: ${reason}`}`;
      settle.reject(new Error(sentence));
      spec.onGiveUp(sentence);
    });
  }
  start();
  async function stop(limitMs: number): Promise<void> {
    stopping = true;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const limit = setTimeout(() => child.kill('SIGKILL'), limitMs);
    await ended;
    clearTimeout(limit);
  }
  return {
    ready,
    expectEnd() {
      stopping = true;
    },
    stop,
    async retire(limitMs) {
      await stop(limitMs);
      if (child.exitCode !== 0) spec.onExit?.(token, false);
    },
  };
}
