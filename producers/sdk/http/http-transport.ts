/**
 * The transport over the gateway: one URL and one key, and neither Kafka nor a registry. Events keep their ids, so that what is sent
 * again after an unknown answer is the same event. The gateway's answer says of each what became of it.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AUDIT_ACTIONS } from '../../../core/event/index.ts';
import { auditEventText, auditEventType, avroType } from '../../../schemas/index.ts';
import type { AuditEvent } from '../../../schemas/types.ts';
import { type Outcome, type OutgoingMessage, type Transport, TransportError, type Unsent } from '../transport.ts';
import { bodyOf } from './gateway-body.ts';

export interface HttpTransportSettings {
  /** The gateway's address, without a path of its own. */
  readonly url: URL;
  readonly apiKey: string;
}

const result = z.looseObject({
  status: z.string(),
  detail: z.string().optional(),
  problems: z.array(z.object({ field: z.string(), found: z.string(), expected: z.string() })).optional(),
});
const answerBody = z.looseObject({ detail: z.string().optional(), results: z.array(result).optional() });
type Result = z.infer<typeof result>;

/** Of what an answer says of an event. */
const OUTCOMES: { readonly [status: string]: Outcome } = { refused: 'refused', 'not-recorded': 'unsent' };

/** Errors of connecting: nothing was sent. */
const NOT_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'UND_ERR_CONNECT_TIMEOUT']);

export class HttpTransport implements Transport {
  readonly #url: URL;
  readonly #authorization: string;
  readonly #closed = new AbortController();

  constructor({ url, apiKey }: HttpTransportSettings) {
    this.#url = new URL('v1/events', url.href.endsWith('/') ? url : `${url.href}/`);
    this.#authorization = `Bearer ${apiKey}`;
  }

  async open(): Promise<void> {}

  partitionOf(): number {
    return 0;
  }

  async send(_partition: number, messages: readonly OutgoingMessage[], timeoutMs: number): Promise<Unsent> {
    const all = messages.map(message => ({ message, event: decode(message) }));
    // Numbers are the gateway's, and so is what is said at their end.
    const sent = all.filter(({ event }) => event.action !== AUDIT_ACTIONS.close);
    if (sent.length === 0) return new Map();
    const events = sent.map(({ event }) => event);
    const response = await this.#post(events, timeoutMs);
    const results = await readAnswer(response);
    const failures = new Map<OutgoingMessage, TransportError>();
    for (const [index, { message }] of sent.entries()) {
      const failure = failureOf(results[index], response.status);
      if (failure) failures.set(message, failure);
    }
    return failures;
  }

  hold(): void {}

  async close(): Promise<void> {
    this.#closed.abort();
  }

  async #post(events: readonly AuditEvent[], timeoutMs: number): Promise<Response> {
    const key = createHash('sha256');
    for (const { id } of events) key.update(`${id}\n`);
    const headers = {
      authorization: this.#authorization,
      'content-type': 'application/json',
      'idempotency-key': key.digest('base64url'),
    };
    try {
      return await fetch(this.#url, {
        method: 'POST',
        headers,
        body: bodyOf(events),
        redirect: 'error', // whoever answers for the gateway must not be told its key
        signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#closed.signal]),
      });
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
      const outcome = NOT_CONNECTED.has(code) ? 'unsent' : 'unknown';
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new TransportError(outcome, `the gateway does not answer: ${text}`, { cause: error });
    }
  }
}

/** Of an event that an SDK before this one left in a spool, by the schema that it was written by. */
function decode({ datum, schema = auditEventText }: OutgoingMessage): AuditEvent {
  if (schema === auditEventText) return auditEventType().decode(datum);
  const reader = auditEventType().avro;
  return reader.fromBuffer(datum, reader.createResolver(avroType(schema)));
}

/** What became of each event. Throws TransportError where the answer is about the request as a whole. */
async function readAnswer(response: Response): Promise<readonly Result[]> {
  const { status } = response;
  const read = answerBody.safeParse(await response.json().catch(() => null));
  const { detail = '', results } = read.data ?? {};
  if (results !== undefined) return results;
  const outcome = outcomeOf(status);
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
  throw new TransportError(outcome, `the gateway answers ${status} ${detail}`.trim(), {
    retryAfterMs: Number.isFinite(retryAfter) ? retryAfter * 1000 : undefined,
  });
}

/** Of an answer without results. */
function outcomeOf(status: number): Outcome {
  if (status === 413) return 'too-large';
  // It has looked at no event.
  if (status === 429) return 'unsent';
  return status >= 400 && status < 500 ? 'refused' : 'unknown';
}

function failureOf(found: Result | undefined, status: number): TransportError | null {
  if (found === undefined) return new TransportError('unknown', `the gateway answers ${status} and not for each event`);
  if (found.status === 'accepted') return null;
  const problems = (found.problems ?? []).map(
    ({ field, ...rule }) => `${field}: found ${rule.found}, expected ${rule.expected}`,
  );
  const why = [found.detail, ...problems].filter(text => text !== undefined).join('; ');
  return new TransportError(OUTCOMES[found.status] ?? 'unknown', `the gateway says ${found.status}: ${why}`);
}
