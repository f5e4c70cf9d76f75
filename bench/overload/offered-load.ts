/** Who asks for how much under overload, and what is told of it. */
import type { ClassResult } from '../load/class-tally.ts';
import type { MixedResult, OfferedClass } from '../load/mixed-load.ts';
import type { RequestSpec } from '../load/requests.ts';

const CLASSES = [
  { name: 'critical', share: 0.1, timeoutMs: 500 },
  { name: 'high', share: 0.2, timeoutMs: 1_000 },
  { name: 'normal', share: 0.5, timeoutMs: 2_000 },
  { name: 'low', share: 0.2, timeoutMs: 5_000 },
] as const;
/** More urgent work than can be done at all is no question of order: critical stays below so much of the capacity. */
const MOST_CRITICAL = 0.5;

/** A request that says its class and deadline. */
export const withClass = (spec: RequestSpec, name: string, timeoutMs: number): RequestSpec => ({
  ...spec,
  headers: [`Batchyard-Priority: ${name}`, `Batchyard-Timeout-Ms: ${timeoutMs}`],
});

/** @param factor of the capacity (requests/s) that is offered in all; what critical may not have goes to normal */
export function offeredClasses(spec: RequestSpec, capacity: number, factor: number): OfferedClass[] {
  const total = capacity * factor;
  const critical = Math.min(CLASSES[0].share * total, MOST_CRITICAL * capacity);
  const spare = CLASSES[0].share * total - critical;
  const rates = { critical, high: 0.2 * total, normal: 0.5 * total + spare, low: 0.2 * total };
  return CLASSES.map(({ name, timeoutMs }) => ({
    name,
    timeoutMs,
    rate: rates[name],
    spec: withClass(spec, name, timeoutMs),
  }));
}

/** What one offered load came to. */
export type Point = {
  readonly factor: number;
  /** Answers within their deadline a second, while the load lasted. */
  readonly goodput: number;
  /** The same of `low`. */
  readonly lowGoodput: number;
  /** Requests a second by closed loop: the mean of right before and right after, as machines change their speed. */
  readonly capacity: number;
  readonly result: MixedResult;
  /** Cores that others on the machine used meanwhile: what the figures are to be read with. */
  readonly othersCpu: number;
  /** Until single requests were fast again, s from the last request of the load. */
  readonly normalAgainS: number;
};

export const classOf = ({ result }: Pick<Point, 'result'>, name: string): ClassResult => {
  const found = result.classes.find((each) => each.name === name);
  if (!found) throw new Error(`no class ${name}`);
  return found;
};

/** Share of what was offered that was answered within its deadline. */
export const attainment = ({ inTime, offered }: ClassResult): number => inTime / offered;

export function pointOf(
  load: { readonly factor: number; readonly seconds: number; readonly capacity: number },
  result: MixedResult,
  around: Pick<Point, 'othersCpu' | 'normalAgainS'>,
): Point {
  const during = result.classes.reduce((sum, each) => sum + each.inTimeDuringLoad, 0);
  return {
    factor: load.factor,
    goodput: during / load.seconds,
    lowGoodput: classOf({ result }, 'low').inTimeDuringLoad / load.seconds,
    capacity: load.capacity,
    result,
    ...around,
  };
}
