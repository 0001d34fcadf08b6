/** Schema migrations as audit events: a tool's run, from its start to its end, and a migration as the tool noted it in its table. */
import { v5 as uuidv5 } from 'uuid';
import type { AuditInput, TargetInput } from '../sdk/index.ts';
import type { Migration } from './migration-tables.ts';
import { commandFields, type StepEvents } from './pipeline-step.ts';

/** Whose schema it is. */
export interface MigratedDatabase {
  /** The service that the database belongs to, as its own events say it. */
  readonly service: string;
  /** As of `databaseName`; undefined: not known. */
  readonly database: string | undefined;
}

export interface MigrationRun extends MigratedDatabase {
  readonly command: readonly string[];
  readonly reference?: string | undefined;
  /** Address of the pipeline run that carries it out. */
  readonly run?: string | undefined;
  readonly approval?: string | undefined;
  readonly reason?: string | undefined;
  /** Null: there was none yet; undefined: it can't be told. */
  readonly versionBefore: string | null | undefined;
  versionAfter(): Promise<string | null | undefined>;
}

/** `migration.start` and `migration.finish`; the latter puts the schema in force, as docs/enrichment.md has it. */
export function migrationRunEvents(migration: MigrationRun): StepEvents {
  const { command, reference, run, approval, reason, versionBefore } = migration;
  const change = { perimeter: 'migration', reference, run, approval };
  return {
    start: () => ({
      action: 'migration.start',
      targets: targetsOf(migration),
      change,
      reason,
      ...commandFields(command, null),
    }),
    finish: async end => {
      const after = await migration.versionAfter();
      const isTold = versionBefore !== undefined && after !== undefined && !(versionBefore === null && after === null);
      const version = { field: 'version', before: versionBefore ?? undefined, after: after ?? undefined };
      const { outcome, attributes } = commandFields(command, end);
      return {
        action: 'migration.finish',
        outcome,
        targets: targetsOf(migration, isTold ? [version] : undefined),
        change,
        reason,
        attributes: { ...attributes, version: after ?? undefined },
      };
    },
  };
}

const ACTIONS = {
  applied: 'migration.apply',
  failed: 'migration.apply',
  'rolled-back': 'migration.roll-back',
} as const;

/**
 * What a row of a migration table tells. Its id is made of database, table and row: it is the same event whenever, and by whomever, it is
 * read. Nobody is its actor: the table knows a role of the database at most.
 */
export function migrationEvent(migration: Migration, of: MigratedDatabase): AuditInput & { readonly id: string } {
  const { table, row, state, version, script, checksum, installedBy, at, durationMs } = migration;
  return {
    id: uuidv5(JSON.stringify([of.service, of.database, table.tool, table.name, row, state]), NAMESPACE),
    action: ACTIONS[state],
    outcome: state === 'failed' ? 'failure' : 'success',
    occurredAt: new Date(at),
    actor: null,
    targets: targetsOf(of),
    change: { perimeter: 'migration', reference: version },
    attributes: {
      'migration.version': version,
      // What the schema is at now, by which the live change names it: not what was taken back.
      version: state === 'applied' ? version : undefined,
      'migration.tool': table.tool,
      'migration.table': table.name,
      'migration.script': script,
      'migration.checksum': checksum ?? undefined,
      'migration.installed-by': installedBy ?? undefined,
      'duration-ms': durationMs ?? undefined,
    },
  };
}

/** Of this project alone, drawn once: the ids hang on it. */
const NAMESPACE = 'e2eac75e-5eca-4032-9366-153217b8b6ab';

/** The database first: the events about one keep their order. */
function targetsOf({ service, database }: MigratedDatabase, changes?: TargetInput['changes']): TargetInput[] {
  const owner = { type: 'service', id: service };
  return database === undefined ? [{ ...owner, changes }] : [{ type: 'database', id: database, changes }, owner];
}
