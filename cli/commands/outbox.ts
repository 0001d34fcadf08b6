import { type Command, InvalidArgumentError } from 'commander';
import pg from 'pg';
import { AuditorError } from '../../auditor/error.ts';
import { outboxTable, relayOutbox } from '../../producers/sdk/outbox/index.ts';
import { count, print, say, warn } from '../output.ts';

const tableHelp = `
To be run as a migration of the service's own, and run again without harm:
  $ tidemark outbox table | psql "$DATABASE_URL"`;

const relayHelp = `
Runs until SIGTERM or SIGINT. The database is DATABASE_URL, Kafka and the registry are those of KAFKA_BROKERS and SCHEMA_REGISTRY_URL,
the topic is TIDEMARK_RAW_TOPIC. Run several, for one to take over when another ends: one at a time publishes.

Exit codes: 0 it was told to end; 2 the database can't be used, or has ended the connection.`;

export function addOutbox(program: Command): void {
  const outbox = program
    .command('outbox')
    .summary("publish what a service's transactions recorded in PostgreSQL")
    .description('The transactional outbox of a service in PostgreSQL.');
  outbox
    .command('table')
    .summary('print the SQL that makes the tables')
    .description('Prints the SQL that makes the tables of an outbox.')
    .addHelpText('after', tableHelp)
    .action(() => print(outboxTable()));
  outbox
    .command('relay')
    .summary('publish committed rows, in order, until it is told to end')
    .description('Publishes the committed rows of an outbox, in order, and deletes what Kafka has acknowledged.')
    .option('--service <name>', "the service's name, by which TIDEMARK_SOURCE_KEY signs", nameArgument, 'outbox-relay')
    .addHelpText('after', relayHelp)
    .action(relay);
}

function nameArgument(text: string): string {
  if (text.trim() !== '') return text;
  throw new InvalidArgumentError('expected a name');
}

async function relay({ service }: { service: string }): Promise<void> {
  const url = process.env.DATABASE_URL;
  if (!url)
    throw new AuditorError('bad-argument', 'DATABASE_URL: found nothing, expected postgres://user@host/database');
  const client = new pg.Client({ connectionString: url, application_name: 'tidemark outbox relay' });
  const ended = new AbortController();
  let lost: Error | undefined;
  client.on('error', error => {
    lost = error;
    ended.abort();
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort());
  try {
    await client.connect();
    const onActive = () => say('publishing');
    const published = await relayOutbox({
      client,
      auditor: { service },
      signal: ended.signal,
      onActive,
      onProblem: warn,
    });
    if (lost) throw lost;
    say(`${count(published, 'event')} published`);
  } catch (error) {
    // The address may hold a password, which no message of the server's repeats.
    const why = error instanceof Error ? error.message : String(error);
    throw new AuditorError('unavailable', `the outbox can't be relayed: ${why}`, { cause: error });
  } finally {
    await client.end().catch(() => undefined);
  }
}
