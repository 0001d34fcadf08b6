/**
 * The service's side of the outbox: an event is a row of the caller's own transaction, so that it is recorded if, and only if, what it tells
 * of is committed. It is completed, checked and masked at the call, as `record` does it.
 */
import { checkSize } from '../error.ts';
import type { AuditInput } from '../input.ts';
import { type AuditorOptions, resolveSettings } from '../options.ts';
import { readInput } from '../read-input.ts';
import { type AuditScope, Scopes } from '../scope.ts';
import { activeTraceParent } from '../trace.ts';

/** A connection in a transaction: a client of `pg`, or of anything that takes the same call. */
export interface SqlClient {
  query(text: string, values?: unknown[]): Promise<{ rows: Record<string, unknown>[] }>;
}

/** Those of an auditor that are about events; servers are the relay's business. */
export type OutboxOptions = Pick<
  AuditorOptions,
  | 'service'
  | 'version'
  | 'commit'
  | 'environment'
  | 'region'
  | 'host'
  | 'actions'
  | 'mask'
  | 'key'
  | 'maxEventBytes'
  | 'reserved'
>;

export interface Outbox {
  /** Inserts the event in the client's transaction; resolves with its id. Rejects with AuditError `invalid-event` or `too-large`, or as `query` does. */
  record(client: SqlClient, event: AuditInput): Promise<string>;
  /** Runs `fn` in a scope, as `Auditor.with` does. */
  with<T>(scope: AuditScope, fn: () => T): T;
}

const INSERT = 'INSERT INTO tidemark_outbox (key, event) VALUES ($1, $2)';

/** Throws AuditError with code invalid-options. */
export function createOutbox(options: OutboxOptions = {}): Outbox {
  const settings = resolveSettings(options, process.env);
  const scopes = new Scopes();
  const { origin, newId, now, reserved, declarations, mask, key, maxEventBytes } = settings;
  return {
    record: async (client, input) => {
      const stamps = { origin, id: newId, now, reserved, declarations };
      const event = mask(readInput(input, { ...stamps, scope: scopes.current, traceParent: activeTraceParent() }));
      const text = JSON.stringify(event);
      checkSize(event.id, Buffer.byteLength(text), maxEventBytes);
      await client.query(INSERT, [key(event), text]);
      return event.id;
    },
    with: (scope, fn) => scopes.run(scopes.open(scope), fn),
  };
}
