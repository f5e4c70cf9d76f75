/** (d) The shipped models under 20 users, every other request a repeated one: the least that is expected. */
import { fileURLToPath } from 'node:url';

import { startBatchyard } from '../batchyard.ts';
import type { RequestMix } from '../load/requests.ts';
import { attempts } from '../load/tally.ts';
import type { Stage } from '../stage.ts';
import { measureLoad } from './http.ts';
import { memoryOf } from '../memory/by-role.ts';

const MODELS = fileURLToPath(new URL('../../models', import.meta.url));
const USERS = 20;
const MIX: RequestMix = {
  specs: [
    { model: 'logo-router', form: 'json', inputs: [{ name: 'IMAGE', datatype: 'FP32', shape: [1, 3, 64, 64] }] },
    { model: 'quality-predictor', form: 'json', inputs: [{ name: 'FEATURES', datatype: 'FP32', shape: [1, 12] }] },
    {
      model: 'simple',
      form: 'json',
      inputs: [
        { name: 'INPUT0', datatype: 'INT32', shape: [1, 16] },
        { name: 'INPUT1', datatype: 'INT32', shape: [1, 16] },
      ],
    },
  ],
  repeatEvery: 2,
};

export async function runFloorSuite(stage: Stage): Promise<void> {
  const { figures, plan, say } = stage;
  say('starting Batchyard with the shipped models');
  const names = MIX.specs.map(({ model }) => model);
  const starting = startBatchyard(MODELS, names, stage.env);
  stage.cleanup.add(async () => (await starting).stop());
  const served = await starting;
  const measured = await measureLoad(stage, served, { ...plan.floor, connections: USERS, mix: MIX });
  const { total, roles } = memoryOf(served);
  await served.stop();
  figures.record('floor.rps', '/s', measured.rps);
  figures.record('floor.mean_ms', 'ms', measured.latency.mean);
  figures.record('floor.p99_ms', 'ms', measured.latency.p99);
  figures.record('floor.success_percent', '%', (100 * measured.succeeded) / attempts(measured));
  figures.record('floor.cpu_s_per_1000', 's', measured.cpuPer1000);
  // The supervisor counts here: this is the whole that a user starts.
  figures.record('floor.memory_mb', 'MB', total + (roles.get('supervisor') ?? 0));
  say(`floor: ${measured.rps.toFixed(0)}/s, mean ${measured.latency.mean.toFixed(1)} ms`);
}
