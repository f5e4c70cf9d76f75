/** The same case once more by autocannon, to show that our own generator does not flatter (`--autocannon`). */
import { runAutocannon } from '../load/autocannon.ts';
import { buildRequest } from '../load/requests.ts';
import type { Stage } from '../stage.ts';
import { measureLoad, mixOf } from './http.ts';

const CONNECTIONS = 64;

export async function measureAutocannon(stage: Stage): Promise<void> {
  const { figures, plan, say } = stage;
  const { batchyard: served } = await stage.serving('mid');
  const mix = mixOf('mid', 'json');
  const own = await measureLoad(stage, served, { ...plan.http, connections: CONNECTIONS, mix });
  const spec = mix.specs[0];
  const bytes = spec ? buildRequest(spec, 1).bytes : Buffer.alloc(0);
  const { rps, p99 } = await runAutocannon({
    url: `http://127.0.0.1:${served.port}/v2/models/mid/infer`,
    body: bytes.subarray(bytes.indexOf('\r\n\r\n') + 4),
    connections: CONNECTIONS,
    seconds: Math.max(2, Math.ceil(plan.http.measureMs / 1000)),
  });
  figures.record('autocannon.mid.json.c64.rps', '/s', rps);
  figures.record('autocannon.mid.json.c64.p99_ms', 'ms', p99);
  figures.record('autocannon.mid.json.c64.of_own_generator', 'x', rps / own.rps);
  say(`autocannon: ${rps.toFixed(0)}/s where the own generator sees ${own.rps.toFixed(0)}/s`);
}
