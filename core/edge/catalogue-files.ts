// Catalogues of declared actions as files, JSON or YAML: one for each service that has one, all of them together for who checks events.

import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { parse } from 'yaml';
import { type ActionDeclaration, type Declarations, readCatalogueFile } from '../catalogue/index.ts';
import { filesAt } from './file-source.ts';
import { type SettingProblem, SettingsError } from './settings.ts';

/** What names the files, for messages. */
export const CATALOGUES_SETTING = 'TIDEMARK_ACTIONS';

/** What a catalogue's text says, for `readCatalogueFile`; null where it is neither JSON nor YAML. */
export function parseCatalogue(path: string, text: string): unknown {
  try {
    return extname(path) === '.json' ? JSON.parse(text) : parse(text, { maxAliasCount: 0 });
  } catch {
    return null;
  }
}

export const catalogueFiles = (paths: readonly string[]): Promise<string[]> => filesAt(paths, /\.(?:json|ya?ml)$/);

/** The declarations of all files; throws SettingsError with all that is wrong in any of them. */
export async function readCatalogues(paths: readonly string[]): Promise<Declarations> {
  const problems: SettingProblem[] = [];
  const add = (where: string, found: string, expected: string): void =>
    void problems.push({ name: `${CATALOGUES_SETTING} (${where})`, found, expected, advice: '' });
  const all = new Map<string, ActionDeclaration>();
  for (const path of paths) {
    const { problems: wrong, declarations } = readCatalogueFile(parseCatalogue(path, await readFile(path, 'utf8')));
    for (const { where, found, expected } of wrong) add(where === '' ? path : `${path}: ${where}`, found, expected);
    if (wrong.length > 0) continue;
    for (const [action, declaration] of Object.entries(declarations)) {
      if (all.has(action)) add(path, `the action ${action} for the second time`, 'it once in all files');
      all.set(action, declaration);
    }
  }
  if (all.size === 0 && problems.length === 0) add(paths.join(', '), 'no catalogue', 'at least one');
  if (problems.length > 0) throw new SettingsError(problems);
  return Object.fromEntries(all);
}
