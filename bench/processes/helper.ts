/** A process of the benchmark's own that answers questions over Node's IPC channel: the asking side. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import type { Answer, Handlers, Notice, Question } from './serve-parent.ts';

export type Helper<H extends Handlers> = {
  readonly pid: number;
  /** Rejects when the handler throws, and when the process ends before it has answered. */
  ask<K extends keyof H & string>(name: K, ...argument: Parameters<H[K]>): ReturnType<H[K]>;
  /** Hears the counts that the process tells of its own accord. */
  onNotice(listener: (count: number) => void): void;
  stop(): Promise<void>;
};

const BUILT = new URL('../../.cache/bench-built/', import.meta.url);

/**
 * @param path of the program, relative to bench/, without extension
 * It runs compiled (tsconfig.build.json) and on the built packages: what is measured is what is shipped, and a loader
 * that transforms sources while they run would be measured too.
 */
export function startHelper<H extends Handlers>(path: string): Helper<H> {
  const file = fileURLToPath(new URL(`${path}.js`, BUILT));
  const child = spawn(process.execPath, [file], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // JSON would turn what is not finite into null.
    serialization: 'advanced',
  });
  const open = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let listener: (count: number) => void = () => undefined;
  let asked = 0;
  child.on('message', (message: Answer | Notice) => {
    if ('notice' in message) return listener(message.notice);
    const waiting = open.get(message.id);
    open.delete(message.id);
    if (message.error === undefined) waiting?.resolve(message.value);
    else waiting?.reject(new Error(`${path}: ${message.error}`));
  });
  child.on('exit', (code, signal) => {
    for (const waiting of open.values()) waiting.reject(new Error(`${path} ended (${signal ?? code})`));
    open.clear();
  });
  return {
    pid: child.pid ?? 0,
    ask(name, ...[argument]) {
      const id = (asked += 1);
      const answered = new Promise<unknown>((resolve, reject) => open.set(id, { resolve, reject }));
      child.send({ id, name, argument } satisfies Question, (error) => {
        if (error) open.get(id)?.reject(error);
      });
      return answered as ReturnType<H[typeof name]>;
    },
    onNotice: (heard) => (listener = heard),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
