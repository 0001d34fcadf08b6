/**
 * The relay: publishes the committed rows of an outbox, in order, and deletes what all in-sync replicas have. Numbers are given in the database
 * before anything is sent, under one instance that lives as long as the outbox: whatever dies, a row is sent again as the same event under
 * the same number. One relay works at a time; another waits for the lock of its session.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { AuditError } from '../error.ts';
import { KafkaTransport } from '../kafka-transport.ts';
import { type AuditorOptions, resolveOptions } from '../options.ts';
import { Sender } from '../sender.ts';
import type { SqlClient } from './outbox.ts';
import { deleteRows, type NumberedRow, numberRows, readNumbered } from './rows.ts';

export interface RelayOptions {
  /** A connection of the relay's own, for as long as it runs: its session holds the lock. */
  readonly client: SqlClient;
  /** How to reach Kafka and the registry; default: the environment. */
  readonly auditor?: AuditorOptions | undefined;
  readonly signal: AbortSignal;
  /** Milliseconds between looks at a table without rows. Default 200. */
  readonly pollMs?: number | undefined;
  /** Rows of one round. Default 500. */
  readonly limit?: number | undefined;
  /** The lock is ours: from now on rows are published. */
  readonly onActive?: (() => void) | undefined;
  /** Told of rows that are put aside, and of what could not be sent yet. */
  readonly onProblem?: ((text: string) => void) | undefined;
}

/** Of a lock that nobody else takes: the first eight bytes of SHA-256 of "tidemark outbox relay". */
const LOCK = '-2284365225491835780';

/** Resolves with how many events were published when the signal is aborted; rejects as the client does. */
export async function relayOutbox(options: RelayOptions): Promise<number> {
  const { client, signal, pollMs = 200, limit = 500, onProblem = () => undefined } = options;
  const { auditor, transport: way } = resolveOptions({ ...options.auditor }, process.env);
  if (way.kind !== 'kafka') {
    throw new AuditError(
      'invalid-options',
      `found the transport ${way.kind}, expected kafka: rows have numbers of their own`,
    );
  }
  if (!(await lock(client, signal, pollMs))) return 0;
  options.onActive?.();
  const transport = new KafkaTransport(way);
  // Rows stay in the table: as with a spool, nothing is given up for what a broker answers, and what is behind it in its partition waits.
  const sender = new Sender(transport, { ...auditor, lingerMs: 0, failing: () => undefined });
  let published = 0;
  try {
    while (!signal.aborted) {
      const rows = await readNumbered(client, limit);
      if (rows.length > 0) {
        published += await publish(client, sender, rows, auditor.deliveryTimeoutMs, onProblem);
        continue;
      }
      const { numbered, aside } = await numberRows(client, limit);
      for (const { rowId, problem } of aside) onProblem(`row ${rowId} is put aside: ${problem}`);
      if (numbered === 0) await delay(pollMs, undefined, { signal }).catch(() => undefined);
    }
    return published;
  } finally {
    await sender.close(Date.now());
    await client.query('SELECT pg_advisory_unlock($1)', [LOCK]).catch(() => undefined);
  }
}

/** False: the signal was aborted while another relay had it. */
async function lock(client: SqlClient, signal: AbortSignal, pollMs: number): Promise<boolean> {
  while (!signal.aborted) {
    const { rows } = await client.query('SELECT pg_try_advisory_lock($1) AS is_ours', [LOCK]);
    if (rows[0]?.is_ours === true) return true;
    await delay(pollMs, undefined, { signal }).catch(() => undefined);
  }
  return false;
}

/** Sends rows and deletes those that have arrived; the others stay, with their numbers, and are sent again. */
async function publish(
  client: SqlClient,
  sender: Sender,
  rows: readonly NumberedRow[],
  deliveryTimeoutMs: number,
  onProblem: (text: string) => void,
): Promise<number> {
  const deadline = Date.now() + deliveryTimeoutMs;
  let trouble: AuditError | undefined;
  const sent = rows.map(
    ({ rowId, eventId, message }) =>
      new Promise<string | null>(resolve => {
        sender.push({
          ...message,
          id: eventId,
          deadline,
          last: false,
          delivered: () => resolve(rowId),
          failed: error => {
            trouble = error;
            resolve(null);
          },
        });
      }),
  );
  const arrived = (await Promise.all(sent)).filter(rowId => rowId !== null);
  if (trouble !== undefined)
    onProblem(`${rows.length - arrived.length} rows could not be sent yet: ${trouble.message}`);
  if (arrived.length > 0) await deleteRows(client, arrived);
  return arrived.length;
}
