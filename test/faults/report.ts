// What a run comes to: figures a line each, and whether all is well.

import type { RunResult } from './run.ts';

const mostLines = 20;

export function formatReport(result: RunResult): string {
  const { seed, injections, comparison, verdict, ends, byHand } = result;
  const { problems, acknowledged, failed, unknown, unknownThere, sentAgain, archived } = comparison;
  const count = (kind: string): number => problems.filter(problem => problem.kind === kind).length;
  const sealed = injections.flatMap(({ recovery }) => (recovery ? [recovery.sealedMs] : []));
  const archivedMs = injections.flatMap(({ recovery }) => (recovery ? [recovery.archivedMs] : []));
  const lines = [
    `seed            ${seed}`,
    `faults          ${injections.length}: ${tally(injections.map(({ name }) => name))}`,
    `restarts        ${ends.length === 0 ? 'none but of the killed' : tally(ends.map(end => end.replace(/-\d+:/, ' ended by itself with')))}`,
    ...byHand.map(deed => `by hand         ${deed}`),
    `acknowledged    ${acknowledged}`,
    `failed          ${failed}`,
    `unknown         ${unknown}, of which ${unknownThere} are there`,
    `sent again      ${sentAgain} (by their producers; each is one event to readers)`,
    `archived        ${archived} events, ${verdict.counts.segments} segments, ${verdict.counts.batches} batches`,
    `lost            ${count('lost')}`,
    `doubled         ${count('doubled')}`,
    `other problems  ${problems.length - count('lost') - count('doubled')}`,
    `verify          ${verdict.verdict}; reports: ${tally(verdict.reports.map(({ code }) => code)) || 'none'}`,
    `false findings  ${result.falseFindings.length}`,
    `recovery        sealed again: ${quantiles(sealed)}; in the bucket again: ${quantiles(archivedMs)} (${sealed.length} of ${injections.length} faults)`,
  ];
  const all = [...problems.map(({ kind, what }) => `${kind}: ${what}`), ...result.falseFindings, ...result.trouble];
  lines.push(...all.slice(0, mostLines).map(text => `WRONG  ${text}`));
  if (all.length > mostLines) lines.push(`WRONG  and ${all.length - mostLines} more`);
  return `${lines.join('\n')}\n`;
}

function tally(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, n]) => `${n} ${name}`).join(', ');
}

function quantiles(values: readonly number[]): string {
  if (values.length === 0) return 'none was seen to recover';
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): string => ((sorted[Math.ceil(share * sorted.length) - 1] ?? 0) / 1000).toFixed(1);
  return `p50 ${at(0.5)} s, p99 ${at(0.99)} s`;
}
