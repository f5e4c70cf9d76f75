/**
 * On which terms a request waits: its class, when its job ends, and when it goes behind all others of its level. Pure.
 * Where the model's configuration sets a timeout it is Triton's rule that counts (scheduler_utils.cc, PolicyQueue): a
 * request may only shorten it, and only where that is allowed; anything else that it asks for is ignored.
 */
import { DEFAULT_CLASS, DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS, type PriorityClass } from '@batchyard/shared/contract/job';
import { classOfLevel, levelOfClass, policyOfLevel, type Queueing } from '@batchyard/shared/contract/queueing';

export type Wish = {
  /** From the header. */
  readonly priority: PriorityClass | undefined;
  readonly timeoutMs: number | undefined;
  /** From the body; a level only where the model has levels. */
  readonly parameters: {
    readonly priority: PriorityClass | undefined;
    readonly level?: number | undefined;
    readonly timeoutMs: number | undefined;
  };
};

export type Terms = {
  readonly priority: PriorityClass;
  /** Until the job ends, ms. */
  readonly remainingMs: number;
  /** Until it goes behind all others of its level, ms. */
  readonly delayMs: number | undefined;
};

export function termsOf(queueing: Queueing | undefined, wish: Wish): Terms {
  const { parameters } = wish;
  const levels = queueing?.priority_levels ?? 0;
  const level =
    (wish.priority && levelOfClass(wish.priority, levels)) ?? parameters.level ?? queueing?.default_priority_level;
  const priority =
    wish.priority ??
    parameters.priority ??
    (levels > 0 && level !== undefined ? classOfLevel(level, levels) : DEFAULT_CLASS);
  const asked = wish.timeoutMs ?? parameters.timeoutMs;
  const policy = queueing && policyOfLevel(queueing, level);
  if (!policy || policy.default_timeout_ms === 0)
    return { priority, remainingMs: asked ?? DEFAULT_TIMEOUT_MS, delayMs: undefined };
  const own = policy.default_timeout_ms;
  const timeoutMs = Math.min(MAX_TIMEOUT_MS, policy.allow_timeout_override ? Math.min(own, asked ?? own) : own);
  if (policy.timeout_action === 'REJECT') return { priority, remainingMs: timeoutMs, delayMs: undefined };
  // Triton never ends what it has delayed; here every job ends.
  return { priority, remainingMs: Math.min(MAX_TIMEOUT_MS, timeoutMs + DEFAULT_TIMEOUT_MS), delayMs: timeoutMs };
}
