// The catalogues of declared actions in force, and the marks of events that are not as they say. Nothing is refused for them: an event
// that its service declared badly is evidence all the same.

import { checkDeclared, type Declarations } from '../../core/catalogue/index.ts';
import { CATALOGUES_SETTING, catalogueFiles, readCatalogues } from '../../core/edge/catalogue-files.ts';
import { FileSource } from '../../core/edge/file-source.ts';
import type { AuditEvent, Flag } from '../../schemas/index.ts';

export interface CatalogueOptions {
  readonly paths: readonly string[];
  readonly events: {
    /** In force, at the start or anew. */
    catalogueInForce(actions: number): void;
    /** The files are broken or gone: what was read before stays in force. */
    catalogueBroken(error: unknown): void;
  };
  readonly intervalMs?: number;
}

export interface Catalogue {
  current(): Declarations;
  close(): void;
}

const defaultIntervalMs = 5000;
const maxFlags = 20;

/** Throws SettingsError with all that is wrong in the files. */
export async function openCatalogue({ paths, events, intervalMs }: CatalogueOptions): Promise<Catalogue> {
  const tell = (declarations: Declarations): void => events.catalogueInForce(Object.keys(declarations).length);
  const expected = 'catalogues of actions (tidemark actions check), or folders of them';
  const source = await FileSource.openSetting<Declarations>(
    { name: CATALOGUES_SETTING, expected },
    {
      list: () => catalogueFiles(paths),
      read: readCatalogues,
      onReload: tell,
      onBroken: events.catalogueBroken,
      intervalMs: intervalMs ?? defaultIntervalMs,
    },
  );
  tell(source.value);
  return { current: () => source.value, close: () => source.close() };
}

/** What is said of an event that is not as declared: the rule and the field, nothing of what was found. */
export function undeclaredFlags(event: AuditEvent, declarations: Declarations): Flag[] {
  const problems = checkDeclared(event, declarations).slice(0, maxFlags);
  return problems.map(({ field, expected, rule }) => ({
    code: 'undeclared',
    field,
    note: `${rule}: expected ${expected}`,
  }));
}
