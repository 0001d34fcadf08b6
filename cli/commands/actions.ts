import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { AuditorError } from '../../auditor/error.ts';
import { type Declarations, documentCatalogue, readCatalogueFile } from '../../core/catalogue/index.ts';
import { parseCatalogue } from '../../core/edge/catalogue-files.ts';
import { count, print, say } from '../output.ts';

const examples = `
A catalogue is JSON or YAML: catalogue: 1, and actions by their names. A service that declares its actions in code writes it
by JSON.stringify(actions).

Exit codes: 0 the catalogue is valid, 1 not so, 2 could not be read.

Examples:
  $ tidemark actions check actions.json
  $ tidemark actions docs actions.json --title "What billing records" > docs/audit.md`;

export function addActions(program: Command): void {
  const actions = program.command('actions').description('What services may record: catalogues of declared actions.');
  actions
    .command('check')
    .summary('say what is wrong with a catalogue')
    .description('Validates a catalogue, and lists all that is wrong with it.')
    .argument('<file>', 'the catalogue, JSON or YAML')
    .addHelpText('after', examples)
    .action(check);
  actions
    .command('docs')
    .summary('write a catalogue as a page')
    .description('Prints a catalogue as Markdown: what is recorded, of what, by whom.')
    .argument('<file>', 'the catalogue, JSON or YAML')
    .option('--title <text>', 'title of the page', 'Audited actions')
    .addHelpText('after', examples)
    .action(docs);
}

async function check(file: string): Promise<void> {
  const declarations = readCatalogue(file);
  if (declarations !== null) await print(`${file}: valid: ${count(Object.keys(declarations).length, 'action')}\n`);
}

async function docs(file: string, { title }: { title: string }): Promise<void> {
  const declarations = readCatalogue(file);
  if (declarations !== null) await print(documentCatalogue(declarations, title));
}

/** Null where the file is no valid catalogue: it was said, and the exit code is 1. */
function readCatalogue(file: string): Declarations | null {
  const { problems, declarations } = readCatalogueFile(parseCatalogue(file, readText(file)));
  if (problems.length === 0) return declarations;
  for (const { where, found, expected } of problems) {
    say(`${file}: ${where === '' ? '' : `${where}: `}found ${found}, expected ${expected}`);
  }
  say(count(problems.length, 'problem'));
  process.exitCode = 1;
  return null;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new AuditorError('not-found', `${file} can't be read (${code}): give a catalogue of actions`, { cause });
  }
}
