/** What the suites share: systems and helpers that are started when first needed and stopped at the end. */
import { startBatchyard } from './batchyard.ts';
import type { Figures } from './figures.ts';
import type { GeneratorHandlers } from './load/generator.ts';
import { BENCH_MODELS } from './model-rows.ts';
import { writeBenchModels } from './models.ts';
import type { Plan } from './plan.ts';
import type { Cleanup } from './processes/cleanup.ts';
import { startHelper, type Helper } from './processes/helper.ts';
import type { RawHandlers } from './raw/session.ts';
import { startTextbook, type Served } from './textbook/start.ts';

export type Stage = {
  readonly plan: Plan;
  readonly figures: Figures;
  readonly cleanup: Cleanup;
  readonly withAutocannon: boolean;
  /** Tells how far it is. */
  readonly say: (text: string) => void;
  generator(): Helper<GeneratorHandlers>;
  raw(): Promise<Helper<RawHandlers>>;
  batchyard(): Promise<Served>;
  textbook(): Promise<Served>;
};

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

export function createStage(parts: Pick<Stage, 'plan' | 'figures' | 'cleanup' | 'withAutocannon' | 'say'>): Stage {
  const { cleanup, say } = parts;
  const models = once(writeBenchModels);
  return {
    ...parts,
    generator: once(() => {
      const helper = startHelper<GeneratorHandlers>('load/generator');
      cleanup.add(() => helper.stop());
      return helper;
    }),
    raw: once(async () => {
      const helper = startHelper<RawHandlers>('raw/session');
      cleanup.add(() => helper.stop());
      await helper.ask('use', await models());
      return helper;
    }),
    batchyard: once(async () => {
      say('starting Batchyard');
      const served = await startBatchyard(await models(), BENCH_MODELS);
      cleanup.add(() => served.stop());
      return served;
    }),
    textbook: once(async () => {
      say('starting the textbook design');
      const served = await startTextbook(await models());
      cleanup.add(() => served.stop());
      return served;
    }),
  };
}
