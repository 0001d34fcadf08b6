import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { AuditorError } from '../../auditor/error.ts';
import { databaseName, isPostgres, type Round, type WatchOptions, watchOnce } from '../../producers/changes/index.ts';
import { type Auditor, createAuditor } from '../../producers/sdk/index.ts';
import { durationArgument } from '../arguments.ts';
import { databaseOption, onDatabase } from '../database.ts';
import { count, say, warn } from '../output.ts';
import { environmentOption, withinOption } from '../publisher.ts';

interface Options {
  service: string;
  database?: string;
  environment?: string;
  every: number;
  once?: true;
  fromBeginning?: true;
  within: number;
}

const examples = `
Looks into flyway_schema_history, knex_migrations and _prisma_migrations, in whatever schema, and records each migration that was
applied (migration.apply), has failed, or was rolled back (migration.roll-back), once. What was there at the first look is not
recorded, unless asked for. What was recorded is noted in a table of the same database, tidemark_migration_notes, which is
made at the first look. Several may watch: one at a time does.

Exit codes: 0 it was told to end; 2 settings are wrong, or, with --once, it could not look or record.

Example:
  $ DATABASE_URL=postgres://auditor@db/billing tidemark watch migrations --service billing --environment production`;

export function addWatch(program: Command): void {
  const watch = program.command('watch').description('Records changes to a system as they are seen in it.');
  watch
    .command('migrations')
    .summary('record schema migrations by the tables of Flyway, Knex and Prisma')
    .description('Watches the migration tables of a PostgreSQL database, and records each migration once.')
    .requiredOption('--service <name>', 'the service whose schema it is, as its own events name it')
    .addOption(databaseOption())
    .addOption(environmentOption())
    .option('--every <duration>', 'how often it looks; default: PT10S', durationArgument, 10_000)
    .option('--once', 'look once, and end')
    .option('--from-beginning', 'at the first look, record what is there already')
    .addOption(withinOption())
    .addHelpText('after', examples)
    .action(watchMigrations);
}

async function watchMigrations(options: Options): Promise<void> {
  const { service, database: url, environment, every, once = false, fromBeginning = false, within } = options;
  if (url === undefined || !isPostgres(url)) {
    const found = url === undefined ? 'no database' : 'another kind of database';
    const expected = 'expected postgres://user@host/database in DATABASE_URL or --database';
    throw new AuditorError('bad-argument', `found ${found}, ${expected}`);
  }
  const watched: WatchOptions = { service, database: databaseName(url), fromBeginning };
  const auditor = createAuditor({ service: 'tidemark', environment, deliveryTimeoutMs: within });
  const ended = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort());
  try {
    while (!ended.signal.aborted) {
      try {
        await look(url, auditor, watched);
      } catch (error) {
        if (once) throw error;
        warn(`${error instanceof Error ? error.message : String(error)}; it is tried again`);
      }
      if (once) return;
      await delay(every, undefined, { signal: ended.signal }).catch(() => undefined);
    }
  } finally {
    await auditor.close({ timeoutMs: 5_000 });
  }
}

async function look(url: string, auditor: Auditor, watched: WatchOptions): Promise<void> {
  const round = await onDatabase(url, 'tidemark watch migrations', client => watchOnce(client, auditor, watched));
  if (round !== null) tell(round);
}

function tell({ recorded, noted, problems }: Round): void {
  if (noted > 0) say(`${count(noted, 'migration')} of before the first look: noted, not recorded`);
  for (const { table, version, state } of recorded) say(`recorded: ${table.name} ${version} ${state}`);
  for (const problem of problems) warn(`not recorded: ${problem}`);
}
