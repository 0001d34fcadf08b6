// The alteration table as docs/threat-model.md shows it. A test holds the page to it; `npm run attacks -- --page` prints it.

import type { Attack, Holder } from './attack.ts';

const holders: readonly [by: Holder, title: string][] = [
  ['bucket', 'With write access to the bucket'],
  ['archiver', "With the archiver's key too"],
  ['normalizer', "With the normalizer's key, and write access to the events topic"],
  ['both', 'With both keys'],
];

/** A section for each holder, with a row for each attack. */
export function threatTable(attacks: readonly Attack[]): string {
  return holders
    .map(([by, title]) =>
      section(
        title,
        attacks.filter(attack => attack.by === by),
      ),
    )
    .join('\n');
}

function section(title: string, attacks: readonly Attack[]): string {
  const rows = attacks.map(
    attack => `| ${attack.name} | ${answer(attack)} | ${attack.needs === 'copy' ? '' : 'yes'} |\n`,
  );
  return `### ${title}\n| What is done | What \`verify\` says | Needs the bucket's versions |\n|---|---|---|\n${rows.join('')}`;
}

function answer({ found, reported = [], only }: Attack): string {
  const codes = found.map(code => `\`${code}\``).join(', ');
  const told = reported.map(code => `reported as \`${code}\``).join(', ');
  const who = only ? `not found by \`verify\` alone: ${only} can tell` : '';
  return [codes, told, who].filter(part => part !== '').join('; ');
}
