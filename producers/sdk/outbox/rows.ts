/**
 * The rows of the outbox, as the relay takes them. It goes by transactions: a row is taken once every transaction that began to write before
 * its own has ended, and then in the order in which they began, so that none can appear behind the place where the relay stands.
 * https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT
 */
import { checkEvent, INSTANCE_HEADER, SEQUENCE_HEADER } from '../../../core/event/index.ts';
import { auditEventType } from '../../../schemas/index.ts';
import type { AuditEvent } from '../../../schemas/types.ts';
import type { OutgoingMessage } from '../transport.ts';
import type { SqlClient } from './outbox.ts';

/** A row that has its number. */
export interface NumberedRow {
  readonly rowId: string;
  readonly eventId: string;
  readonly message: OutgoingMessage;
}

const WAITING = `SELECT id, key, event::text AS event FROM tidemark_outbox
  WHERE sequence IS NULL AND problem IS NULL AND xid < pg_snapshot_xmin(pg_current_snapshot())
  ORDER BY xid, id LIMIT $1`;
const NUMBERED = `SELECT id, key, event::text AS event, sequence, (SELECT instance FROM tidemark_outbox_instance) AS instance
  FROM tidemark_outbox WHERE sequence IS NOT NULL ORDER BY sequence LIMIT $1`;
const TAKE = 'UPDATE tidemark_outbox_instance SET next = next + $1 RETURNING next - $1 AS first';
const NUMBER = `UPDATE tidemark_outbox o SET sequence = n.sequence
  FROM unnest($1::bigint[], $2::bigint[]) AS n (id, sequence) WHERE o.id = n.id`;
const ASIDE = `UPDATE tidemark_outbox o SET problem = n.problem
  FROM unnest($1::bigint[], $2::text[]) AS n (id, problem) WHERE o.id = n.id`;

export interface Aside {
  readonly rowId: string;
  readonly problem: string;
}

/** Gives the next rows their numbers, and puts aside what is no event: both, or neither, if we die. */
export async function numberRows(client: SqlClient, limit: number): Promise<{ numbered: number; aside: Aside[] }> {
  await client.query('BEGIN');
  try {
    const { rows } = await client.query(WAITING, [limit]);
    const judged = rows.map(row => ({ rowId: String(row.id), problem: problemOf(row.event) }));
    const good = judged.filter(({ problem }) => problem === null).map(({ rowId }) => rowId);
    const aside = judged.flatMap(({ rowId, problem }) => (problem === null ? [] : [{ rowId, problem }]));
    if (good.length > 0) {
      const taken = await client.query(TAKE, [good.length]);
      const first = BigInt(String(taken.rows[0]?.first));
      await client.query(NUMBER, [good, good.map((_, index) => String(first + BigInt(index)))]);
    }
    if (aside.length > 0) {
      await client.query(ASIDE, [aside.map(({ rowId }) => rowId), aside.map(({ problem }) => problem)]);
    }
    await client.query('COMMIT');
    return { numbered: good.length, aside };
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** The rows that have their numbers, in order, ready to be sent. */
export async function readNumbered(client: SqlClient, limit: number): Promise<NumberedRow[]> {
  const { rows } = await client.query(NUMBERED, [limit]);
  return rows.map(row => {
    const event: AuditEvent = JSON.parse(String(row.event));
    const producer = { instance: String(row.instance), sequence: Number(row.sequence), last: false, abandoned: [] };
    const headers = { [INSTANCE_HEADER]: producer.instance, [SEQUENCE_HEADER]: String(producer.sequence) };
    const datum = auditEventType().encode({ ...event, producer });
    return { rowId: String(row.id), eventId: event.id, message: { key: String(row.key), datum, headers } };
  });
}

export async function deleteRows(client: SqlClient, rowIds: readonly string[]): Promise<void> {
  await client.query('DELETE FROM tidemark_outbox WHERE id = ANY($1::bigint[])', [rowIds]);
}

/** Why a row can't be published; null: it can. Whoever may write to the table can put anything there. */
function problemOf(text: unknown): string | null {
  let event: AuditEvent;
  try {
    event = { ...JSON.parse(String(text)), producer: null };
    auditEventType().encode(event);
  } catch {
    return 'found no event by the schema, expected what createOutbox writes';
  }
  const [problem] = checkEvent(event);
  return problem ? `${problem.field}: found ${problem.found}, expected ${problem.expected}` : null;
}
