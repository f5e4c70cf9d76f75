/** What the suites share: systems and helpers that are started when first needed and stopped at the end. */
import { startBatchyard, type Batchyard } from './batchyard.ts';
import type { Figures } from './figures.ts';
import type { GeneratorHandlers } from './load/generator.ts';
import type { BenchModel } from './model-rows.ts';
import { writeBenchModels } from './models.ts';
import { once } from './once.ts';
import type { Plan } from './plan.ts';
import type { Cleanup } from './processes/cleanup.ts';
import { startHelper, type Helper } from './processes/helper.ts';
import type { RawHandlers } from './raw/session.ts';
import { startTextbook, type Served } from './textbook/start.ts';

export type Systems = { readonly batchyard: Served; readonly textbook: Served };

export type Stage = {
  readonly plan: Plan;
  /** Settings of every Batchyard that is started, below those that a suite gives it. */
  readonly env: Readonly<Record<string, string>>;
  readonly figures: Figures;
  readonly cleanup: Cleanup;
  readonly withAutocannon: boolean;
  /** Where plots are written; undefined = none are. */
  readonly plotFolder: string | undefined;
  /** Tells how far it is. */
  readonly say: (text: string) => void;
  generator(): Helper<GeneratorHandlers>;
  raw(): Promise<Helper<RawHandlers>>;
  /** One more process of that kind, each time. */
  anotherRaw(): Promise<Helper<RawHandlers>>;
  /** Both designs serving this model and no other; those of another model are stopped first. */
  serving(model: BenchModel): Promise<Systems>;
  /** Where the models' files are. */
  models(): Promise<string>;
  /** A Batchyard of its own that serves this model, with these settings; the caller stops it. */
  batchyard(model: BenchModel, env?: Readonly<Record<string, string>>): Promise<Batchyard>;
};

type Parts = Pick<Stage, 'plan' | 'env' | 'figures' | 'cleanup' | 'withAutocannon' | 'plotFolder' | 'say'>;

export function createStage(parts: Parts): Stage {
  const { cleanup, say } = parts;
  const models = once(writeBenchModels);
  let current: { readonly model: BenchModel; readonly systems: Promise<Systems> } | undefined;

  async function start(model: BenchModel): Promise<Systems> {
    say(`starting Batchyard and the textbook design with ${model}`);
    const folder = await models();
    const batchyard = startBatchyard(`${folder}/${model}`, [model], parts.env);
    const textbook = startTextbook(folder, model);
    // Known to the cleanup before they are there: it may have to wait for them.
    for (const starting of [batchyard, textbook]) cleanup.add(async () => (await starting).stop());
    const [ours, theirs] = await Promise.all([batchyard, textbook]);
    return { batchyard: ours, textbook: theirs };
  }
  async function startRaw(): Promise<Helper<RawHandlers>> {
    const helper = startHelper<RawHandlers>('raw/session');
    cleanup.add(() => helper.stop());
    await helper.ask('use', await models());
    return helper;
  }
  return {
    ...parts,
    generator: once(() => {
      const helper = startHelper<GeneratorHandlers>('load/generator');
      cleanup.add(() => helper.stop());
      return helper;
    }),
    raw: once(startRaw),
    anotherRaw: startRaw,
    models,
    async serving(model) {
      if (current?.model !== model) {
        const before = await current?.systems;
        await Promise.all([before?.batchyard.stop(), before?.textbook.stop()]);
        current = { model, systems: start(model) };
      }
      return current.systems;
    },
    async batchyard(model, env) {
      const starting = startBatchyard(`${await models()}/${model}`, [model], { ...parts.env, ...env });
      cleanup.add(async () => (await starting).stop());
      return starting;
    },
  };
}
