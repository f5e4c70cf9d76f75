/** A plan with some of its numbers changed: a single level of a suite, or a shorter look. */
import type { Plan } from './plan.ts';

/** What a setting may be changed to: numbers, as many as there are or a list of any length. */
function valueOf(before: unknown, text: string): number | number[] {
  const numbers = text.split(',').map(Number);
  const isList = Array.isArray(before) && before.every((one) => typeof one === 'number');
  if (numbers.some((one) => !Number.isFinite(one)) || text === '') throw new Error(`${text} is no number.`);
  if (isList) return numbers;
  const [only] = numbers;
  if (typeof before !== 'number' || numbers.length > 1 || only === undefined)
    throw new Error(`${text} is not what this setting can be.`);
  return only;
}

/**
 * @param settings `suite.setting=value` or, for a list, `suite.setting=value,value`
 * @throws Error that names what there is
 */
export function changedPlan(plan: Plan, settings: readonly string[]): Plan {
  const suites: Record<string, Record<string, unknown>> = Object.fromEntries(
    Object.entries(plan).map(([name, suite]) => [name, { ...suite }]),
  );
  for (const setting of settings) {
    const [path = '', text = ''] = setting.split('=');
    const [name = '', key = ''] = path.split('.');
    const suite = suites[name];
    if (!suite || !Object.hasOwn(suite, key))
      throw new Error(`There is no setting ${path}: ${Object.keys(suite ?? suites).join(', ')}.`);
    suite[key] = valueOf(suite[key], text);
  }
  return suites as unknown as Plan;
}

/**
 * @param settings `NAME=VALUE`, each
 * @throws Error for one without a name or a value
 */
export function readSettings(settings: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    settings.map((setting) => {
      const [, name, value] = /^([A-Z][A-Z0-9_]*)=(.+)$/.exec(setting) ?? [];
      if (name === undefined || value === undefined) throw new Error(`${setting} is not NAME=VALUE.`);
      return [name, value];
    }),
  );
}
