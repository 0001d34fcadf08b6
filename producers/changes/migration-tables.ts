/**
 * What the migration tables of Flyway, Knex and Prisma in PostgreSQL tell: which migrations were applied, failed or were taken back. Read
 * only. Tables: Flyway's "Schema history table", Knex's `knex_migrations`, Prisma's `_prisma_migrations`, as these tools make them.
 */
import type { SqlClient } from '../sdk/outbox/index.ts';
import { ChangeError } from './error.ts';

export const MIGRATION_TOOLS = ['flyway', 'knex', 'prisma'] as const;
export type MigrationTool = (typeof MIGRATION_TOOLS)[number];

export interface MigrationTable {
  readonly tool: MigrationTool;
  /** Schema and table, quoted as PostgreSQL would. */
  readonly name: string;
}

/** One row, in the state in which it is. */
export interface Migration {
  readonly table: MigrationTable;
  /** What makes it this row in this state: the same whenever it is read. */
  readonly row: string;
  readonly state: 'applied' | 'failed' | 'rolled-back';
  /** What the tool calls it; for Flyway the version, or the script of a migration that has none. */
  readonly version: string;
  readonly script: string;
  readonly checksum: string | null;
  /** Role of the database. */
  readonly installedBy: string | null;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly durationMs: number | null;
}

interface Tool {
  readonly table: string;
  /** In the order of their application; without those that are running. Columns as of `Row`. */
  readonly rows: (table: string) => string;
}

interface Row {
  readonly row: string;
  readonly state: Migration['state'];
  readonly version: string;
  readonly script: string;
  readonly checksum: string | null;
  readonly installed_by: string | null;
  readonly at: string;
  readonly duration: string | null;
}

const ms = (time: string): string => `floor(extract(epoch from ${time}) * 1000)::bigint::text`;

const TOOLS: Readonly<Record<MigrationTool, Tool>> = {
  flyway: {
    table: 'flyway_schema_history',
    // installed_on has no zone: it is taken as the database's. After `repair` another row may have the same rank, hence the time.
    // A baseline, and the making of a schema, apply nothing.
    rows: table => `SELECT concat_ws(' ', installed_rank, extract(epoch from installed_on)) AS row,
        CASE WHEN NOT success THEN 'failed' WHEN type LIKE 'UNDO%' THEN 'rolled-back' ELSE 'applied' END AS state,
        coalesce(version, script) AS version, script, checksum::text AS checksum, installed_by,
        ${ms("installed_on AT TIME ZONE current_setting('TimeZone')")} AS at, execution_time::text AS duration
      FROM ${table} WHERE type NOT IN ('SCHEMA', 'DELETE') AND type NOT LIKE '%BASELINE' ORDER BY installed_rank`,
  },
  knex: {
    table: 'knex_migrations',
    rows: table => `SELECT id::text AS row, 'applied' AS state, name AS version, name AS script,
        NULL AS checksum, NULL AS installed_by, ${ms('migration_time')} AS at, NULL AS duration
      FROM ${table} ORDER BY id`,
  },
  prisma: {
    table: '_prisma_migrations',
    // A row that has neither an end nor logs is running, or was killed: nobody can tell.
    rows: table => `SELECT id AS row,
        CASE WHEN rolled_back_at IS NOT NULL THEN 'rolled-back' WHEN finished_at IS NOT NULL THEN 'applied' ELSE 'failed' END AS state,
        migration_name AS version, migration_name AS script, checksum, NULL AS installed_by,
        ${ms('coalesce(rolled_back_at, finished_at, started_at)')} AS at, ${ms('finished_at - started_at')} AS duration
      FROM ${table} WHERE coalesce(finished_at, rolled_back_at) IS NOT NULL OR logs <> '' ORDER BY started_at, id`,
  },
};

/** Those of the tools that are there, in whatever schema; only `tool`'s, if one is named. */
export async function findMigrationTables(client: SqlClient, tool?: MigrationTool): Promise<MigrationTable[]> {
  const tools = tool === undefined ? MIGRATION_TOOLS : [tool];
  const { rows } = await client.query(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, c.relname AS relation
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p') AND c.relname = ANY ($1) AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1`,
    [tools.map(one => TOOLS[one].table)],
  );
  return rows.flatMap(({ name, relation }) =>
    tools.filter(one => TOOLS[one].table === relation).map(one => ({ tool: one, name: String(name) })),
  );
}

/** In the order in which they were applied. */
export async function readMigrations(client: SqlClient, table: MigrationTable): Promise<Migration[]> {
  const { rows } = await client.query(TOOLS[table.tool].rows(table.name));
  return (rows as unknown as Row[]).map(({ installed_by, at, duration, ...rest }) => ({
    ...rest,
    table,
    installedBy: installed_by,
    at: Number(at),
    durationMs: duration === null ? null : Number(duration),
  }));
}

/**
 * The version that the database is at: that of the last migration which was applied and not taken back; null where there is none. Throws ChangeError `no-version` where several tables could tell.
 */
export async function schemaVersion(client: SqlClient, tool?: MigrationTool): Promise<string | null> {
  const tables = await findMigrationTables(client, tool);
  const [only, ...others] = tables;
  if (only === undefined) return null;
  if (others.length > 0) {
    const found = tables.map(({ name }) => name).join(', ');
    throw new ChangeError('no-version', `found ${found}, expected one migration table: say which tool's it is`);
  }
  const applied: string[] = [];
  for (const { state, version } of await readMigrations(client, only)) {
    if (state === 'applied') applied.push(version);
    const at = state === 'rolled-back' ? applied.lastIndexOf(version) : -1;
    if (at >= 0) applied.splice(at, 1);
  }
  return applied.at(-1) ?? null;
}
