/** The table of rules with what the settings say of thresholds and times. Pure. */
import { TUNING_RULES } from '@batchyard/shared/contract/tuning';
import { z } from 'zod';

import { RULES } from './rules.ts';
import type { TuningPlan } from './tune.ts';

const seconds = z.number().min(1).max(3_600);

export const tuningSettingsSchema = z.strictObject({
  window_s: z.number().min(3).max(50).default(10),
  settle_s: z.number().min(0).max(10).default(3),
  rules: z
    .partialRecord(
      z.enum(TUNING_RULES),
      z.strictObject({ threshold: z.number().min(0).optional(), cooldown_s: seconds.optional() }),
    )
    .default({}),
});
export type TuningSettings = z.infer<typeof tuningSettingsSchema>;

export function planOf(auto: boolean, settings: TuningSettings): TuningPlan {
  return {
    auto,
    windowMs: settings.window_s * 1_000,
    settleMs: settings.settle_s * 1_000,
    rules: RULES.map((rule) => {
      const own = settings.rules[rule.name];
      return {
        ...rule,
        threshold: own?.threshold ?? rule.threshold,
        cooldownMs: own?.cooldown_s === undefined ? rule.cooldownMs : own.cooldown_s * 1_000,
      };
    }),
  };
}
