/** A report as JUnit XML, for whatever shows test results: a case for each threshold at each step, one for the audit. */
import type { LoadReport } from '../judge/load-report.ts';
import { auditLines, verdictText } from './text.ts';

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};
// XML 1.0 has no characters below the blank but tab and line ends, not even escaped.
const CONTROL = new RegExp(String.raw`[\u0000-\u0008\u000b\u000c\u000e-\u001f]`, 'g');
export const escapeXml = (text: string): string =>
  text.replaceAll(CONTROL, '').replaceAll(/[&<>"']/g, (sign) => ESCAPES[sign] ?? sign);

type Case = { readonly name: string; readonly group: string; readonly seconds: number; readonly failure?: string };

function casesOf({ steps, verdicts, audit }: LoadReport): Case[] {
  const judged = verdicts.map((verdict): Case => {
    const seconds = steps.find(({ name }) => name === verdict.step)?.seconds ?? 0;
    const failure = verdict.met ? {} : { failure: verdictText(verdict) };
    return { name: verdict.threshold, group: verdict.step, seconds, ...failure };
  });
  // Without thresholds a step is one case: did it get any answer at all?
  const plain = steps
    .filter(({ name }) => !verdicts.some(({ step }) => step === name))
    .map(({ name, seconds, succeeded }): Case => {
      const failure = succeeded > 0 ? {} : { failure: 'no request was answered' };
      return { name: 'answers', group: name, seconds, ...failure };
    });
  if (!audit) return [...judged, ...plain];
  const bad = audit.lost + audit.wrong + (audit.duplicated ?? 0) > 0;
  const failure = bad ? { failure: auditLines(audit).join('\n') } : {};
  return [
    ...judged,
    ...plain,
    { name: 'nothing lost, twice or wrong', group: 'audit', seconds: audit.seconds, ...failure },
  ];
}

export function junitOf(report: LoadReport): string {
  const cases = casesOf(report);
  const failed = cases.filter(({ failure }) => failure !== undefined).length;
  const lines = cases.map(({ name, group, seconds, failure }) => {
    const head = `    <testcase classname="loadtest.${escapeXml(group)}" name="${escapeXml(name)}" time="${seconds.toFixed(3)}"`;
    if (failure === undefined) return `${head}/>`;
    return `${head}><failure message="${escapeXml(failure.split('\n')[0] ?? '')}">${escapeXml(failure)}</failure></testcase>`;
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites tests="${cases.length}" failures="${failed}">`,
    `  <testsuite name="batchyard loadtest ${escapeXml(report.target)}" tests="${cases.length}" failures="${failed}" timestamp="${escapeXml(report.started_at)}">`,
    ...lines,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}
