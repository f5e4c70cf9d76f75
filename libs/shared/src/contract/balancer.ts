/** By which strategy the gateway that steers spreads the work, and what may be changed of that while it runs. */
import { z } from 'zod';

/** What each means: docs/balancing.md. */
export const BALANCER_STRATEGIES = ['adaptive', 'round_robin', 'least_connections', 'weighted_response_time'] as const;
export type BalancerStrategy = (typeof BALANCER_STRATEGIES)[number];

const weight = z.number().min(0).max(1);

/** What a body may set; what it leaves out stays as it is configured. */
export const balancerChangeSchema = z.strictObject({
  strategy: z.enum(BALANCER_STRATEGIES).optional(),
  /** Of the parts of a worker's score under `adaptive`. */
  weights: z
    .strictObject({ load: weight.optional(), response: weight.optional(), failures: weight.optional() })
    .optional(),
});
export type BalancerChange = z.infer<typeof balancerChangeSchema>;

export type ScoreWeights = { readonly load: number; readonly response: number; readonly failures: number };
export type BalancerSettings = { readonly strategy: BalancerStrategy; readonly weights: ScoreWeights };

export const DEFAULT_WEIGHTS: ScoreWeights = { load: 0.3, response: 0.4, failures: 0.3 };

/** The configured settings with a change laid over them. */
export function changedBalancer(own: BalancerSettings, change: BalancerChange | undefined): BalancerSettings {
  const { load, response, failures } = { ...own.weights, ...change?.weights };
  return {
    strategy: change?.strategy ?? own.strategy,
    weights: {
      load: load ?? own.weights.load,
      response: response ?? own.weights.response,
      failures: failures ?? own.weights.failures,
    },
  };
}
