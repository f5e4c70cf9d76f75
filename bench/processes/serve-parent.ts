/** The answering side of helper.ts. */

/** What a helper can be asked; arguments and answers travel by structured clone. */
export type Handlers = Readonly<Record<string, (argument: never) => Promise<unknown>>>;

export type Question = { readonly id: number; readonly name: string; readonly argument: unknown };
export type Answer = { readonly id: number; readonly value?: unknown; readonly error?: string };
export type Notice = { readonly notice: number };

export function serveParent(handlers: Handlers): void {
  const answer = async ({ id, name, argument }: Question): Promise<Answer> => {
    try {
      const handler = handlers[name];
      if (!handler) throw new Error(`there is no ${name}`);
      return { id, value: await handler(argument as never) };
    } catch (error) {
      return { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    }
  };
  process.on('message', (question: Question) => void answer(question).then((message) => process.send?.(message)));
  process.on('disconnect', () => process.exit());
  // Ctrl-C reaches the whole group; the parent says when to end.
  process.on('SIGINT', () => undefined);
}

/** Tells the parent a count that it did not ask for. */
export function tellParent(notice: number): void {
  process.send?.({ notice } satisfies Notice);
}

/** CPU microseconds, user and system, that this process has used. */
export function ownCpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
