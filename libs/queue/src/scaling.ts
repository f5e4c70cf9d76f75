/** The supervisors that keep workers, and how many each is asked to keep. */
import { scaleKey, supervisorKey, supervisorsKey } from '@batchyard/shared/contract/redis-keys';
import {
  scaleWishSchema,
  supervisorReportSchema,
  type ScaleWish,
  type SupervisorReport,
} from '@batchyard/shared/contract/scaling';

import type { QueueSettings } from './settings.ts';

export type SupervisorView = { readonly report: SupervisorReport; readonly wish: ScaleWish | undefined };

export type Scaling = {
  /** A supervisor's sign of life, once a second. @returns what is wished of it, if anything */
  reportSupervisor(report: SupervisorReport): Promise<ScaleWish | undefined>;
  /** Ended in good order: nothing is wished of it any more. */
  forgetSupervisor(supervisor: string): Promise<void>;
  /** Those heard of within the last five seconds, by their names. */
  supervisors(): Promise<SupervisorView[]>;
  wishWorkers(supervisor: string, wish: ScaleWish): Promise<void>;
};

const REPORT_MS = 5_000;
const WISH_MS = 300_000;

/** What cannot be read is of another version, and counts as not there. */
function read<T>(schema: { safeParse(value: unknown): { data?: T } }, text: string | null | undefined): T | undefined {
  if (!text) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

export function createScaling({ commands, prefix }: QueueSettings): Scaling {
  const known = supervisorsKey(prefix);
  return {
    async reportSupervisor(report) {
      const said = commands.pipeline().sadd(known, report.id);
      said.set(supervisorKey(prefix, report.id), JSON.stringify(report), 'PX', REPORT_MS);
      const [, , [error, wish] = [null, null]] = (await said.get(scaleKey(prefix, report.id)).exec()) ?? [];
      if (error) throw error;
      return read(scaleWishSchema, wish as string | null);
    },
    async forgetSupervisor(supervisor) {
      const own = [supervisorKey(prefix, supervisor), scaleKey(prefix, supervisor)];
      await commands.pipeline().srem(known, supervisor).del(own).exec();
    },
    async supervisors() {
      const ids = (await commands.smembers(known)).toSorted();
      if (ids.length === 0) return [];
      const keys = ids.flatMap((id) => [supervisorKey(prefix, id), scaleKey(prefix, id)]);
      const texts = await commands.mget(keys);
      const views = ids.flatMap((id, i) => {
        const report = read(supervisorReportSchema, texts[2 * i]);
        return report ? [{ id, report, wish: read(scaleWishSchema, texts[2 * i + 1]) }] : [];
      });
      // One that lives adds itself again within a second.
      const gone = ids.filter((id) => !views.some((view) => view.id === id));
      if (gone.length > 0) await commands.srem(known, gone);
      return views.map(({ report, wish }) => ({ report, wish }));
    },
    async wishWorkers(supervisor, wish) {
      await commands.set(scaleKey(prefix, supervisor), JSON.stringify(wish), 'PX', WISH_MS);
    },
  };
}
