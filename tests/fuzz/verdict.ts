/** Which answers are allowed whatever was asked: a client's error, or a refusal that says why and when to come again. */
import { readFileSync } from 'node:fs';

import type { RawAnswer } from '../support/raw-http.ts';

/** The failures that a healthy system may have under this load, with their texts. */
const EXPLAINED: Readonly<Record<string, RegExp>> = {
  queue_full: /^Exceeds maximum queue size$/,
  overloaded: /^a run takes [\d.]+ ms, which is more than the deadline of [\d.]+ ms$/,
  expired: /^(?:Request timeout expired|the deadline passed.*)$/i,
};

const page = readFileSync(new URL('../../docs/failures.md', import.meta.url), 'utf8');
for (const code of Object.keys(EXPLAINED)) {
  if (!new RegExp(`^\\| \`${code}\` \\| 50[34] \\| yes \\|`, 'm').test(page))
    throw new Error(`docs/failures.md does not explain ${code}`);
}

/** Nothing of the inside: a stack, a path of the sources, an error of the operating system's. */
const INSIDE = /node_modules|\.[cm]?[jt]s:\d+|onnxruntime[/\\]|\bat \S+ \(|ENOENT|EACCES|<!DOCTYPE/;

type Problem = { readonly error?: string; readonly detail?: string; readonly code?: string };

/** @returns what is wrong with an answer; undefined when nothing is */
export function violation({ status, headers, body }: RawAnswer): string | undefined {
  if (status < 400) return undefined;
  const text = body.toString();
  if (INSIDE.test(text)) return `an answer tells of the inside: ${text.slice(0, 200)}`;
  if (status < 500) return undefined;
  const told = `${status}: ${text.slice(0, 200)}`;
  if (status !== 503 && status !== 504) return told;
  if (status === 503 && !(Number(headers.get('retry-after')) >= 1)) return `no Retry-After: ${told}`;
  try {
    const problem = JSON.parse(text) as Problem;
    const sentence = problem.error ?? problem.detail ?? '';
    const codes = problem.code === undefined ? Object.keys(EXPLAINED) : [problem.code];
    return codes.some((code) => EXPLAINED[code]?.test(sentence)) ? undefined : told;
  } catch {
    return told;
  }
}
