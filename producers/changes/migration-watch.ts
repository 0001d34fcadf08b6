/**
 * The watcher over migration tables: each row is recorded once in each state in which it is seen. What was recorded is noted in the watched
 * database itself, so that a restored copy and what is known of it are of one time. The note follows the record: a watcher that dies between the
 * two records that row again, under the same id.
 */
import { AuditError, type Auditor } from '../sdk/index.ts';
import type { SqlClient } from '../sdk/outbox/index.ts';
import { ChangeError } from './error.ts';
import { type MigratedDatabase, migrationEvent } from './migration-event.ts';
import { findMigrationTables, type Migration, readMigrations } from './migration-tables.ts';

export interface WatchOptions extends MigratedDatabase {
  /** Record also what was there before the first look; else it is noted alone. */
  readonly fromBeginning: boolean;
}

export interface Round {
  readonly recorded: readonly Migration[];
  /** Were there before the first look. */
  readonly noted: number;
  /** Rows that make no event, and why: they are tried at each look, and keep no other back. */
  readonly problems: readonly string[];
}

/** Of a lock that nobody else takes: the first eight bytes of SHA-256 of "tidemark watch migrations". */
const LOCK = '125558040963275422';

const TABLE = `CREATE TABLE IF NOT EXISTS tidemark_migration_notes (
  migration_table text, migration_row text, state text, noted_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (migration_table, migration_row, state))`;
const NOTE = 'INSERT INTO tidemark_migration_notes (migration_table, migration_row, state) VALUES ($1, $2, $3)';
/** Of no table: what was there at the first look is noted. */
const BEGUN = ['', '', 'begun'];

/**
 * Looks once. Null: another watcher is looking. The client is a connection of its own: its session holds the lock, until the client ends.
 * Rejects as the client and as `record` do, and with ChangeError `no-database` where notes can't be kept.
 */
export async function watchOnce(
  client: SqlClient,
  auditor: Pick<Auditor, 'record'>,
  options: WatchOptions,
): Promise<Round | null> {
  const { rows } = await client.query('SELECT pg_try_advisory_lock($1) AS is_ours', [LOCK]);
  if (rows[0]?.is_ours !== true) return null;
  await makeTable(client);
  const notes = await client.query('SELECT migration_table, migration_row, state FROM tidemark_migration_notes');
  const known = new Set(notes.rows.map(note => keyOf([note.migration_table, note.migration_row, note.state])));
  const migrations: Migration[] = [];
  for (const table of await findMigrationTables(client)) migrations.push(...(await readMigrations(client, table)));
  const unknown = migrations.filter(migration => !known.has(keyOf(noteOf(migration))));
  if (!known.has(keyOf(BEGUN))) {
    const before = options.fromBeginning ? [] : unknown;
    await begin(client, before);
    if (!options.fromBeginning) return { recorded: [], noted: before.length, problems: [] };
  }
  return { ...(await recordAll(client, auditor, options, unknown)), noted: 0 };
}

const noteOf = ({ table, row, state }: Migration): string[] => [table.name, row, state];
const keyOf = (note: readonly unknown[]): string => JSON.stringify(note);

async function recordAll(
  client: SqlClient,
  auditor: Pick<Auditor, 'record'>,
  options: WatchOptions,
  migrations: readonly Migration[],
): Promise<Omit<Round, 'noted'>> {
  const recorded: Migration[] = [];
  const problems: string[] = [];
  for (const migration of migrations) {
    try {
      await auditor.record(migrationEvent(migration, options));
    } catch (error) {
      if (!(error instanceof AuditError && error.code === 'invalid-event')) throw error;
      problems.push(`${migration.table.name}, row ${migration.row}: ${error.message}`);
      continue;
    }
    await client.query(NOTE, noteOf(migration));
    recorded.push(migration);
  }
  return { recorded, problems };
}

/** All or nothing: what comes later is new. */
async function begin(client: SqlClient, migrations: readonly Migration[]): Promise<void> {
  await client.query('BEGIN');
  for (const note of [...migrations.map(noteOf), BEGUN]) await client.query(NOTE, note);
  await client.query('COMMIT');
}

async function makeTable(client: SqlClient): Promise<void> {
  // Asked before: a role that may not create a table may use the one that is there.
  const { rows } = await client.query("SELECT to_regclass('tidemark_migration_notes') AS name");
  if (rows[0]?.name !== null) return;
  try {
    await client.query(TABLE);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const advice = `let its role make it, or make it yourself: ${TABLE.replace(/\s+/g, ' ')}`;
    throw new ChangeError('no-database', `the table of the watcher's notes can't be made (${why}): ${advice}`, {
      cause,
    });
  }
}
