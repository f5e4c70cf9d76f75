/** Numbers, lists and mixes as they are typed. Pure; every error is a sentence that says how it is written. */
import { PRIORITY_CLASSES, type PriorityClass } from '@batchyard/shared/contract/job';

export type Range = { readonly least: number; readonly most: number; readonly whole?: boolean };

/** @throws Error that names the flag and its bounds */
export function readNumber(flag: string, text: string, { least, most, whole = false }: Range): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= least && value <= most && (!whole || Number.isInteger(value))) return value;
  throw new Error(`${flag} is "${text}": give a ${whole ? 'whole ' : ''}number from ${least} to ${most}`);
}

export function readNumbers(flag: string, text: string, range: Range): number[] {
  const all = text.split(',').map((one) => readNumber(flag, one, range));
  if (all.length > 50) throw new Error(`${flag} has more than 50 numbers`);
  return all;
}

/** `20%` or `0.2`. */
export function readShare(flag: string, text: string): number {
  const percent = /^(.*)%$/.exec(text.trim())?.[1];
  const share = percent === undefined ? Number(text) : Number(percent) / 100;
  if (text.trim() !== '' && share >= 0 && share <= 1) return share;
  throw new Error(`${flag} is "${text}": give a share, such as 20% or 0.2`);
}

export type Mixed = {
  readonly model: string;
  readonly version: string | undefined;
  readonly priority: PriorityClass;
  readonly weight: number;
  /** As it is called in reports and traces. */
  readonly name: string;
};

/** `MODEL[@VERSION][/CLASS][=WEIGHT]`. */
export function readMixed(text: string): Mixed {
  const [, model = '', version, priority = 'normal', weight = '1'] =
    /^([^@/=\s]+)(?:@([^/=\s]+))?(?:\/(\w+))?(?:=(.+))?$/.exec(text.trim()) ?? [];
  const known = PRIORITY_CLASSES.find((one) => one === priority);
  if (model === '' || !known)
    throw new Error(
      `--model is "${text}": write MODEL, MODEL/CLASS or MODEL/CLASS=WEIGHT; classes are ${PRIORITY_CLASSES.join(', ')}`,
    );
  return {
    model,
    version,
    priority: known,
    weight: readNumber('the weight of --model', weight, { least: 0.001, most: 1e6 }),
    name: text.trim().replace(/=.*$/, ''),
  };
}

/** `NAME=1x3x64x64`. */
export function readShape(text: string): readonly [string, readonly number[]] {
  const [, name = '', dims = ''] = /^(.+)=(\d+(?:x\d+)*)$/.exec(text.trim()) ?? [];
  if (name === '') throw new Error(`--shape is "${text}": write INPUT=1x3x64x64`);
  return [name, dims.split('x').map(Number)];
}

/** `FROM:TO`. */
export function readRamp(text: string, range: Range): readonly [number, number] {
  const [from = '', to = '', ...rest] = text.split(':');
  if (rest.length > 0 || to === '') throw new Error(`--ramp is "${text}": write FROM:TO, requests a second`);
  return [readNumber('--ramp', from, range), readNumber('--ramp', to, range)];
}
