// A verdict as people and programs read it. Texts in it may be an attacker's: none reaches the terminal as a control sequence.

import { exactJson, printable } from '../auditor/read/index.ts';
import type { Verdict } from '../auditor/verify/index.ts';
import { count } from './output.ts';

type Noted = Verdict['findings'][number] | Verdict['reports'][number];

/** 1 where there is a finding, 2 where something could not be checked, else 0. */
export function exitCodeOf({ findings, unchecked }: Verdict): 0 | 1 | 2 {
  if (findings.length > 0) return 1;
  return unchecked.length > 0 ? 2 : 0;
}

/** First line: the verdict with its counts. Then what could not be checked, findings, reports and notes. */
export function verdictText(verdict: Verdict): string {
  const { findings, reports, unchecked, notes } = verdict;
  return [
    summaryOf(verdict),
    ...unchecked.map(text => `could not check: ${text}`),
    ...findings.map(finding => notedText('FINDING', finding)),
    ...reports.map(report => notedText('report', report)),
    ...notes.map(note => `note: ${note}`),
  ]
    .map(line => `${printable(line)}\n`)
    .join('');
}

function summaryOf(verdict: Verdict): string {
  const { counts, findings, reports, unchecked, log } = verdict;
  const word = ['INTACT', 'NOT INTACT', 'NOT FULLY CHECKED'][exitCodeOf(verdict)];
  const gone = counts.expiredSegments > 0 ? `, ${count(counts.expiredEvents, 'event')} expired` : '';
  const pending = counts.pendingSegments > 0 ? `, ${count(counts.pendingEvents, 'event')} pending` : '';
  const span = log.first === null || log.last === null ? 'no period logged' : `periods ${log.first} to ${log.last}`;
  const seen = [
    count(findings.length, 'finding'),
    count(reports.length, 'report'),
    ...(unchecked.length > 0 ? [`${unchecked.length} not checked`] : []),
  ];
  const parts = [
    count(counts.events, 'event'),
    count(counts.seals, 'seal'),
    count(counts.segments, 'segment'),
    counts.batches === 1 ? '1 batch' : `${counts.batches} batches`,
    count(counts.partitions, 'partition'),
  ];
  return `${word}: ${seen.join(', ')}; ${parts.join(', ')}${gone}${pending}; ${verdict.origin}, ${span}, log size ${log.size}, head ${log.head}`;
}

function notedText(kind: string, noted: Noted): string {
  const { offsets, producer } = noted;
  const last = offsets && (offsets.next > offsets.first ? offsets.next - 1n : offsets.first);
  const places = [
    noted.versionId !== undefined && `version ${noted.versionId}`,
    noted.period !== undefined && `period ${noted.period}`,
    noted.partition !== undefined && `partition ${noted.partition}`,
    noted.generation !== undefined && `generation ${noted.generation}`,
    offsets !== undefined && `raw offsets ${offsets.first} to ${last}`,
    noted.events !== undefined && count(noted.events, 'event'),
    producer !== undefined && `producer ${producer.instance}, numbers ${producer.first} to ${producer.last}`,
  ].filter(place => place !== false);
  const where = [noted.object, places.length > 0 ? `(${places.join(', ')})` : undefined]
    .filter(part => part !== undefined)
    .join(' ');
  return `${kind} ${noted.code}${where === '' ? '' : ` ${where}`}: ${noted.message}`;
}

/** One line of JSON. Offsets and numbers of producers are decimal texts, as in manifests. */
export function verdictJson(verdict: Verdict): string {
  const result = (['intact', 'findings', 'unchecked'] as const)[exitCodeOf(verdict)];
  const noted = (all: readonly Noted[]) =>
    all.map(({ offsets, producer, ...rest }) => ({
      ...rest,
      ...(offsets && { offsets: { first: String(offsets.first), next: String(offsets.next) } }),
      ...(producer && { producer: { ...producer, first: String(producer.first), last: String(producer.last) } }),
    }));
  const at = new Date(verdict.at).toISOString();
  const { findings, reports } = verdict;
  return `${exactJson({ result, ...verdict, at, findings: noted(findings), reports: noted(reports) })}\n`;
}
