// A short visit to a PostgreSQL database. Its address may hold a password, which is never shown.

import { Option } from 'commander';
import pg from 'pg';
import { AuditorError } from '../auditor/error.ts';

export const databaseOption = (): Option =>
  new Option('--database <address>', 'postgres://user@host/database; a password is safer in the variable').env(
    'DATABASE_URL',
  );

const connectMs = 10_000;
const statementMs = 30_000;

/** Connects, works, and ends the connection. Throws AuditorError `unavailable` where the server can't be reached. */
export async function onDatabase<T>(url: string, program: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    application_name: program,
    connectionTimeoutMillis: connectMs,
    statement_timeout: statementMs,
  });
  // Told by the query that fails of it.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message || cause.name : String(cause);
    throw new AuditorError('unavailable', `the database can't be reached: ${why}`, { cause });
  }
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
