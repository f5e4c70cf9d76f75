/** Requests of all the shipped models at once, until it is told to stop; and jobs that fail. */
import { requestFor } from '../../apps/dashboard/src/sample-request.ts';
import type { Model } from '../../apps/dashboard/src/types.ts';
import type { System } from '../support/system.ts';

async function modelsOf({ ops }: System): Promise<Model[]> {
  return ((await (await fetch(`${ops}/v1/models`)).json()) as { models: Model[] }).models;
}

/** @param clients that ask one request after another, each another model in turn */
export async function startLoad(system: System, clients: number): Promise<{ stop(): Promise<void> }> {
  const models = await modelsOf(system);
  let going = true;
  async function client(first: number): Promise<void> {
    for (let turn = first; going; turn += 1) {
      const model = models[turn % models.length];
      if (!model) return;
      const body = JSON.stringify(requestFor(model, Math.random));
      const answer = await fetch(`${system.url}/v2/models/${model.name}/infer`, { method: 'POST', body }).catch(
        () => undefined,
      );
      await answer?.arrayBuffer().catch(() => undefined);
    }
  }
  const all = Array.from({ length: clients }, (_, i) => client(i));
  return {
    async stop() {
      going = false;
      await Promise.all(all);
    },
  };
}

/** @returns the id of a durable job */
export async function submitOne(system: System, name: string): Promise<string> {
  const model = (await modelsOf(system)).find((one) => one.name === name);
  if (!model) throw new Error(`there is no model ${name}`);
  const body = JSON.stringify(requestFor(model, Math.random));
  const answer = await fetch(`${system.url}/v1/models/${name}/jobs`, { method: 'POST', body });
  return ((await answer.json()) as { id: string }).id;
}
