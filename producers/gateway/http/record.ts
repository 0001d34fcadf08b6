/** Records the events of one request and says what became of each; 202 only when Kafka or the spool has all. */
import { createHash } from 'node:crypto';
import { AuditError, type AuditInput, type Auditor } from '../../sdk/index.ts';
import { type Answer, type EventResult, problem } from './problem.ts';

export interface RecordRequest<Event> {
  readonly audit: Auditor;
  readonly events: readonly Event[];
  /** An event as `record` takes it; `id`: for one that has none. */
  readonly inputOf: (event: Event, id: string | undefined) => AuditInput;
  /** Digest of caller, `Idempotency-Key` and body: ids of events without one come from it. */
  readonly seed: string | undefined;
}

export async function recordAll<Event>({ audit, events, inputOf, seed }: RecordRequest<Event>): Promise<Answer> {
  const results = await Promise.all(
    events.map((event, index) => recordOne(audit, () => inputOf(event, seed && stableId(seed, String(index))))),
  );
  const count = (status: EventResult['status']) => results.filter(result => result.status === status).length;
  const missing = count('not-recorded') + count('unknown');
  if (missing > 0) {
    return problem(503, `${missing} of ${events.length} events were not acknowledged: send those again`, results);
  }
  const refused = count('refused');
  if (refused === events.length) return problem(422, 'no event keeps the rules of audit events', results);
  return { status: refused > 0 ? 207 : 202, body: { results } };
}

async function recordOne(audit: Auditor, input: () => AuditInput): Promise<EventResult> {
  try {
    return { id: await audit.record(input()), status: 'accepted' };
  } catch (error) {
    if (!(error instanceof AuditError)) throw error;
    if (error.code === 'invalid-event') return { status: 'refused', problems: error.problems };
    if (error.code === 'too-large') return { status: 'refused', detail: error.message };
    return { status: error.code === 'unknown-outcome' ? 'unknown' : 'not-recorded', detail: error.code };
  }
}

/** The same for the same texts at any instance: a UUID of version 8 (RFC 9562, section 5.8), out of a digest. */
export function stableId(...parts: string[]): string {
  const bytes = createHash('sha256').update(JSON.stringify(parts)).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
