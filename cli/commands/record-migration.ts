import { type Command, Option } from 'commander';
import {
  databaseName,
  isPostgres,
  MIGRATION_TOOLS,
  type MigrationTool,
  migrationRunEvents,
  schemaVersion,
} from '../../producers/changes/index.ts';
import { databaseOption, onDatabase } from '../database.ts';
import { warn } from '../output.ts';
import { withPublisherOptions } from '../publisher.ts';
import { type RecordedCommandOptions, runRecorded, strictOption } from '../recorded-command.ts';

type Options = RecordedCommandOptions & {
  service: string;
  database?: string;
  tool?: MigrationTool;
  reference?: string;
  run?: string;
  approval?: string;
  reason?: string;
};

const examples = `
Two events are recorded, as by tidemark run: migration.start, and migration.finish with exit code and duration. Where --database
or DATABASE_URL says which PostgreSQL it is, they name it, without user and password, and migration.finish tells its version
before and after, by the table of Flyway, Knex or Prisma.

Exit codes: the command's; 2 where it was not run, or, with --strict, where its end could not be recorded.

Example:
  $ tidemark record migration --service billing --environment production -- npx prisma migrate deploy`;

export function addRecordMigration(record: Command): void {
  const command = record
    .command('migration')
    .summary('run the command of a migration tool, and record it')
    .description("Runs a migration tool's command and records it, under the identity of the runner.")
    .argument('<command...>', 'the command and its arguments, behind --')
    .passThroughOptions()
    .requiredOption('--service <name>', 'the service whose schema it is, as its own events name it')
    .addOption(databaseOption())
    .addOption(new Option('--tool <name>', 'whose table tells the version').choices(MIGRATION_TOOLS))
    .option('--reference <text>', 'a ticket or a pull request')
    .option('--run <address>', "address of the pipeline run; default: the one that the runner's credential names")
    .option('--approval <id>', 'what approved it, such as the id of a review')
    .option('--reason <text>', 'why')
    .addOption(strictOption());
  withPublisherOptions(command).addHelpText('after', examples).action(migration);
}

async function migration(command: string[], options: Options): Promise<void> {
  const { database: url, tool, run } = options;
  const database = url === undefined ? undefined : databaseName(url);
  const version = async (): Promise<string | null | undefined> => {
    if (url === undefined || !isPostgres(url)) return undefined;
    try {
      return await onDatabase(url, 'tidemark record migration', client => schemaVersion(client, tool));
    } catch (error) {
      warn(`the version of ${database} is not recorded: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  };
  await runRecorded(command, options, async ({ change }) =>
    migrationRunEvents({
      ...options,
      command,
      database,
      run: run ?? change?.run,
      versionBefore: await version(),
      versionAfter: version,
    }),
  );
}
