/**
 * A program of its own, for `batchyard models validate` and `profile`: what a worker would make of the models of a folder,
 * without a queue. Its argument is JSON; it prints a line of JSON for each version, or what is wrong with it.
 */
import { readdir } from 'node:fs/promises';

import { z } from 'zod';

import { loadModel } from './inference/load-model.ts';
import { openModel, type ModelDefinition } from './repository/open-repository.ts';

const askedSchema = z.object({
  root: z.string(),
  /** None: all. */
  models: z.array(z.string()),
  /** Threads of a run; each is measured. */
  threads: z.array(z.int().min(1).max(256)).min(1),
  /** Measured up to so many rows, where the configuration says that there is a batch axis. */
  maxRows: z.int().min(1).max(4_096).optional(),
});
type Asked = z.infer<typeof askedSchema>;

const tell = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : 'it cannot be loaded');

async function tryModel(definition: ModelDefinition, { threads, maxRows }: Asked): Promise<void> {
  const { name, version, config: own } = definition;
  const tables: object[] = [];
  let found: object = {};
  for (const count of threads) {
    const { model, session, latency } = await loadModel({
      ...definition,
      maxBatchSize:
        own.maxBatchSize !== undefined && own.maxBatchSize > 0 ? (maxRows ?? own.maxBatchSize) : own.maxBatchSize,
      nan: own.nan,
      intraOpThreads: count,
      lengths: own.lengths,
      providers: own.executionProviders,
      claimed: { inputs: own.inputs, outputs: own.outputs },
      // What is kept was measured with other things going on.
      cacheDir: undefined,
      release: () => undefined,
    });
    await session.close();
    tables.push({ threads: count, points: latency });
    found = { inputs: model.inputs, outputs: model.outputs, max_batch_size: own.maxBatchSize ?? model.maxBatchSize };
  }
  tell({ model: name, version, ...found, notes: own.notes, tables });
}

async function tryAll(asked: Asked): Promise<void> {
  const entries = await readdir(asked.root, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  for (const name of asked.models.length > 0 ? asked.models : folders.toSorted()) {
    if (!folders.includes(name)) {
      tell({ model: name, problem: 'there is no such folder' });
      continue;
    }
    const { models, problems } = await openModel(asked.root, name);
    for (const { version, sentence } of problems) tell({ model: name, version, problem: sentence });
    for (const definition of models) {
      await tryModel(definition, asked).catch((error: unknown) =>
        tell({ model: name, version: definition.version, problem: sentenceOf(error) }),
      );
    }
  }
}

await tryAll(askedSchema.parse(JSON.parse(process.argv[2] ?? '{}')));
