/**
 * When an alert is raised, told again and over. It is raised once its value has been bad for a while, over once the value has
 * been well on the good side for longer, and the same one is told at most every five minutes, however it flaps. The whole
 * state is a plain value, so that another gateway can go on with it. Pure.
 */
import { SEVERITIES, type AlertState, type Severity } from '@batchyard/shared/contract/sample';

import type { Rule } from './thresholds.ts';

export const HOLD_MS = 5_000;
export const CLEAR_MS = 15_000;
export const RETELL_MS = 300_000;
/** To the good side of the threshold, as a share of it. */
const MARGIN = 0.1;

export type Raised = NonNullable<AlertState['raised']>;
/** What is to be told; `over`: the alert as it was. `told`: with which severities it has been told before. */
export type Notice = {
  readonly what: 'raised' | 'repeated' | 'over';
  readonly alert: Raised;
  readonly told: readonly Severity[];
};
export type Step = { readonly state: AlertState | undefined; readonly notices: readonly Notice[] };

type Limits = Pick<Rule, 'metric' | 'thresholds' | 'lowerIsWorse'>;

export function isBad({ thresholds, lowerIsWorse }: Limits, severity: Severity, value: number | undefined): boolean {
  if (value === undefined) return false;
  return lowerIsWorse ? value < thresholds[severity] : value > thresholds[severity];
}
function isCalm({ thresholds, lowerIsWorse }: Limits, severity: Severity, value: number | undefined): boolean {
  if (value === undefined) return true;
  const limit = thresholds[severity];
  return lowerIsWorse ? value >= limit * (1 + MARGIN) : value <= limit * (1 - MARGIN);
}

const since = (holds: boolean, before: number | undefined, nowMs: number): number | undefined =>
  holds ? (before ?? nowMs) : undefined;
const lasted = (from: number | undefined, ms: number, nowMs: number): boolean =>
  from !== undefined && nowMs - from >= ms;

/** Without the parts that say nothing; undefined when none says anything. */
function compact(state: { [K in keyof AlertState]: AlertState[K] | undefined }, nowMs: number): AlertState | undefined {
  const recent = Object.entries(state.told_ms ?? {}).filter(([, toldMs]) => nowMs - toldMs < RETELL_MS);
  const told = state.raised ? (state.told_ms ?? {}) : Object.fromEntries(recent);
  const parts = Object.entries({ ...state, told_ms: undefined }).filter(([, value]) => value !== undefined);
  if (parts.length === 0 && Object.keys(told).length === 0) return undefined;
  return { ...(Object.fromEntries(parts) as Partial<AlertState>), told_ms: told };
}

/** What becomes of an alert that is raised. */
function ahead(rule: Limits, raised: Raised, value: number | undefined, calmLong: boolean): Raised | undefined {
  const now = value === undefined ? raised : { ...raised, value };
  if (!calmLong) return now;
  if (raised.severity === 'critical' && !isCalm(rule, 'warning', value)) return { ...now, severity: 'warning' };
  return undefined;
}

/** One look at one metric. @param value undefined where nothing was measured: that is calm */
export function stepAlert(
  rule: Limits,
  before: AlertState | undefined,
  value: number | undefined,
  nowMs: number,
): Step {
  const warningSince = since(isBad(rule, 'warning', value), before?.warning_since_ms, nowMs);
  const criticalSince = since(isBad(rule, 'critical', value), before?.critical_since_ms, nowMs);
  const due: Severity | undefined = lasted(criticalSince, HOLD_MS, nowMs)
    ? 'critical'
    : lasted(warningSince, HOLD_MS, nowMs)
      ? 'warning'
      : undefined;
  const told: AlertState['told_ms'] = { ...before?.told_ms };
  const old = before?.raised;
  let raised = old;
  let calmSince: number | undefined;
  if (!old && due && value !== undefined) {
    const from = (due === 'critical' ? criticalSince : warningSince) ?? nowMs;
    raised = { id: `${rule.metric}-${nowMs.toString(36)}`, severity: due, value, since_ms: from };
  } else if (old && due === 'critical' && old.severity === 'warning') {
    const { acknowledged_ms: _, ...kept } = old;
    raised = { ...kept, severity: 'critical', value: value ?? old.value };
  } else if (old) {
    calmSince = since(isCalm(rule, old.severity, value), before?.calm_since_ms, nowMs);
    raised = ahead(rule, old, value, lasted(calmSince, CLEAR_MS, nowMs));
    if (raised?.severity !== old.severity) calmSince = undefined;
  }
  const notices: Notice[] = [];
  if (raised && isBad(rule, raised.severity, value) && mayTell(raised, told, nowMs)) {
    const earlier = toldSince(raised, told);
    notices.push({ what: earlier.length > 0 ? 'repeated' : 'raised', alert: raised, told: earlier });
    told[raised.severity] = nowMs;
  }
  const ofOld = old && !raised ? toldSince(old, told) : [];
  if (old && ofOld.length > 0) notices.push({ what: 'over', alert: old, told: ofOld });
  const state = { raised, warning_since_ms: warningSince, critical_since_ms: criticalSince, calm_since_ms: calmSince };
  return { state: compact({ ...state, told_ms: told }, nowMs), notices };
}

/** What somebody has acknowledged needs no repeating. */
function mayTell(raised: Raised, told: AlertState['told_ms'], nowMs: number): boolean {
  const before = told[raised.severity];
  return raised.acknowledged_ms === undefined && (before === undefined || nowMs - before >= RETELL_MS);
}

/** The severities that it was told with. */
function toldSince({ since_ms }: Raised, told: AlertState['told_ms']): Severity[] {
  return SEVERITIES.filter((severity) => (told[severity] ?? -Infinity) >= since_ms);
}
