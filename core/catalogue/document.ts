/** A catalogue as a page for people: Markdown, a table of all actions and a section for each. */
import type { ActionDeclaration, Declarations } from './declaration.ts';

/** The page of a catalogue; the same for the same catalogue, whatever the order of its file. */
export function documentCatalogue(declarations: Declarations, title = 'Audited actions'): string {
  const actions = Object.entries(declarations).sort(([a], [b]) => (a < b ? -1 : 1));
  const lines = [
    `# ${plain(title)}`,
    '',
    `${actions.length} ${actions.length === 1 ? 'action is' : 'actions are'} recorded. What was denied and what failed is recorded like what was done.`,
    '',
    '| Action | What it does | Done to | Criticality |',
    '|---|---|---|---|',
    ...actions.map(
      ([action, { description, targets, criticality }]) =>
        `| ${[code(action), plain(description ?? ''), targets.map(code).join(', '), criticality ?? ''].join(' | ')} |`,
    ),
    ...actions.flatMap(([action, declaration]) => ['', `## ${action}`, ...sectionOf(declaration)]),
  ];
  return `${lines.join('\n')}\n`;
}

function sectionOf({
  description,
  targets,
  required = [],
  personal = [],
  by,
  criticality,
}: ActionDeclaration): string[] {
  const who = [
    by?.kinds && `a ${by.kinds.join(' or a ')}`,
    by?.roles && `with the role ${by.roles.map(code).join(' or ')}`,
  ].filter(one => one !== undefined);
  const facts: [string, string][] = [
    ['Done to', targets.map(code).join(', ')],
    ['Done by', who.length === 0 ? 'anybody' : who.join(' ')],
    ['Always says', required.map(code).join(', ')],
    ['Personal', personal.map(code).join(', ')],
    ['Criticality', criticality ?? ''],
  ];
  const told = facts.filter(([, fact]) => fact !== '').map(([name, fact]) => `* ${name}: ${fact}`);
  return [...(description === undefined ? [] : [plain(description), '']), ...told];
}

/** Text that can't end a cell, a line or begin markup of its own. */
const plain = (text: string): string =>
  text
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_[\]<>|#]/g, '\\$&')
    .trim();
const code = (text: string): string => `\`${text.replace(/[`|\s]+/g, ' ')}\``;
