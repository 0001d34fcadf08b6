/** Records the events of one request and says what became of each; 202 only when Kafka or the spool has all. */
import { createHash } from 'node:crypto';
import { AuditError, type AuditInput, type Auditor } from '../../sdk/index.ts';
import { type Answer, type EventResult, problem } from './problem.ts';

export interface RecordRequest<Event> {
  readonly events: readonly Event[];
  /** An event as `record` takes it; `id`: for one that has none. */
  readonly inputOf: (event: Event, id: string | undefined) => AuditInput;
  /** Digest of caller, `Idempotency-Key` and body: ids of events without one come from it. */
  readonly seed: string | undefined;
}

/** Records events; a result for each, in order. */
export type RecordAll = <Event>(request: RecordRequest<Event>) => Promise<readonly EventResult[]>;

/** `onDelivery` is told whether Kafka or the spool took what keeps the rules; of a request without any such event, nothing. */
export function createRecorder(audit: Auditor, onDelivery: (isDelivered: boolean) => void): RecordAll {
  return async ({ events, inputOf, seed }) => {
    const results = await Promise.all(
      events.map((event, index) => recordOne(audit, () => inputOf(event, seed && stableId(seed, String(index))))),
    );
    const missing = missingOf(results);
    if (missing > 0 || results.some(({ status }) => status === 'accepted')) onDelivery(missing === 0);
    return results;
  };
}

/** How many events Kafka has not acknowledged. */
export function missingOf(results: readonly EventResult[]): number {
  return results.filter(({ status }) => status === 'not-recorded' || status === 'unknown').length;
}

export function answerOf(results: readonly EventResult[]): Answer {
  const missing = missingOf(results);
  if (missing > 0) {
    return problem(503, `${missing} of ${results.length} events were not acknowledged: send those again`, results);
  }
  const refused = results.filter(({ status }) => status === 'refused').length;
  if (refused === results.length) return problem(422, 'no event keeps the rules of audit events', results);
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
