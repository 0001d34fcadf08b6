// A verdict as text for people and as JSON for programs.

import type { Finding, Report, Where } from '../../core/proof/finding.ts';
import { formatTime } from '../../core/proof/period.ts';
import { printable } from '../read/index.ts';
import type { Verdict } from './audit.ts';
import { findingMeanings, reportMeanings } from './meaning.ts';

/** 0: intact; 1: findings; 2: no finding, but something could not be checked. */
export function exitCodeOf(verdict: Verdict): 0 | 1 | 2 {
  if (verdict.findings.length > 0) return 1;
  return verdict.unchecked.length > 0 ? 2 : 0;
}

const plurals: Readonly<Record<string, string>> = { batch: 'batches', entry: 'entries' };

function plural(n: number, noun: string): string {
  return `${n.toLocaleString('en')} ${n === 1 ? noun : (plurals[noun] ?? `${noun}s`)}`;
}

/** The first line: the answer, and what it is about. */
function summaryOf(verdict: Verdict): string {
  const { counts, log, findings, reports, unchecked } = verdict;
  const answer = ['INTACT', 'NOT INTACT', 'NOT WHOLLY CHECKED'][exitCodeOf(verdict)];
  const span = log.first && log.last ? `, periods ${log.first} to ${log.last}` : '';
  const size = [
    plural(counts.events, 'event'),
    plural(counts.seals, 'seal'),
    plural(counts.segments, 'segment'),
    plural(counts.batches, 'batch'),
  ].join(', ');
  const said = [plural(findings.length, 'finding'), plural(reports.length, 'report')];
  if (unchecked.length > 0) said.push(`${unchecked.length} not checked`);
  return `${answer}: ${verdict.origin}: ${size}${span}: ${said.join(', ')}`;
}

function placeOf(where: Where): string {
  const parts: string[] = [];
  if (where.period !== undefined) parts.push(`period ${where.period}`);
  if (where.partition !== undefined) parts.push(`partition ${where.partition}`);
  if (where.generation) parts.push(`generation ${where.generation}`);
  const { offsets, producer } = where;
  if (offsets) {
    parts.push(
      offsets.next > offsets.first
        ? `raw offsets ${offsets.first} to ${offsets.next - 1n}`
        : `from raw offset ${offsets.first} on`,
    );
  }
  if (producer) parts.push(`producer ${producer.instance}, numbers ${producer.first} to ${producer.last}`);
  if (where.events !== undefined) parts.push(plural(where.events, 'event'));
  return parts.join(', ');
}

function block(kind: string, item: Finding | Report, meaning: string): string[] {
  const lines = [`${kind} ${item.code}: ${printable(item.message)}`];
  if (item.object !== undefined)
    lines.push(
      `    object  ${printable(item.object)}${item.versionId ? ` (version ${printable(item.versionId)})` : ''}`,
    );
  const place = placeOf(item);
  if (place !== '') lines.push(`    where   ${printable(place)}`);
  lines.push(`    means   ${meaning}`);
  return lines;
}

/** The whole verdict as text; the summary first, then what was not checked, findings, reports and notes. */
export function formatVerdict(verdict: Verdict): string {
  const { log, counts } = verdict;
  const lines = [summaryOf(verdict)];
  for (const text of verdict.unchecked) lines.push(`NOT CHECKED ${printable(text)}`);
  for (const finding of verdict.findings) lines.push('', ...block('FINDING', finding, findingMeanings[finding.code]));
  if (verdict.reports.length > 0) lines.push('');
  for (const report of verdict.reports) lines.push(...block('report', report, reportMeanings[report.code]));
  lines.push('');
  if (counts.expiredSegments > 0)
    lines.push(`expired: ${plural(counts.expiredSegments, 'segment')} with ${plural(counts.expiredEvents, 'event')}`);
  if (counts.pendingSegments > 0)
    lines.push(`pending: ${plural(counts.pendingSegments, 'segment')} with ${plural(counts.pendingEvents, 'event')}`);
  lines.push(
    `log of ${plural(log.size, 'entry')}, the policy accepts ${log.head}; verified as of ${formatTime(verdict.at)}`,
  );
  for (const text of verdict.notes) lines.push(`note: ${printable(text)}`);
  return `${lines.join('\n')}\n`;
}

/** The verdict as JSON; raw offsets and producers' numbers are decimal strings, times ISO 8601. */
export function verdictJson(verdict: Verdict): string {
  const verdictName = ['intact', 'not-intact', 'not-wholly-checked'][exitCodeOf(verdict)];
  const withMeaning = (meanings: Readonly<Record<string, string>>) => (item: Finding | Report) => ({
    ...item,
    meaning: meanings[item.code],
  });
  const value = {
    verdict: verdictName,
    ...verdict,
    at: formatTime(verdict.at),
    findings: verdict.findings.map(withMeaning(findingMeanings)),
    reports: verdict.reports.map(withMeaning(reportMeanings)),
  };
  return `${JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part), 2)}\n`;
}
