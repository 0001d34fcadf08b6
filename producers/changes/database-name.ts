/** A database as an event names it: where it is and what it is called, without who connects to it and by which password. */
import pg from 'pg';
import { ChangeError } from './error.ts';

export const isPostgres = (url: string): boolean => /^postgres(ql)?:\/\//.test(url);

/** `postgres://app:secret@db/billing?sslmode=require` is `db:5432/billing`; of other databases host and path are told. */
export function databaseName(url: string): string {
  try {
    if (!isPostgres(url)) return nameByParts(url);
    const { host, port, database } = new pg.Client({ connectionString: url });
    return `${host.startsWith('/') ? 'localhost' : host}:${port}/${database ?? ''}`;
  } catch {
    // The cause is left out: it may repeat the address, and the password in it.
    const expected = 'expected one such as postgres://user@host/database';
    throw new ChangeError('no-database', `found an address of a database that can't be read, ${expected}`);
  }
}

/** Drivers put users and passwords in many places: what is not plainly a path is not told. */
function nameByParts(url: string): string {
  const { host, pathname } = new URL(url.replace(/^jdbc:/, ''));
  const [path = ''] = pathname.split(';');
  if (!/^\/[^@=]*$/.test(path)) throw new Error('no path');
  return `${host || 'localhost'}${path}`;
}
