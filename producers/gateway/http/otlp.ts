/**
 * `POST /v1/logs`: log records of OpenTelemetry by OTLP/HTTP in JSON (https://opentelemetry.io/docs/specs/otlp/#otlphttp). Answers are the
 * protocol's: 200 with what was rejected, else a `google.rpc.Status`; its clients send again what is answered 429 or 503.
 */
import { createGunzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest, RequestPayload } from 'fastify';
import { AuditError, type AuditInput } from '../../sdk/index.ts';
import { mapLogRecord } from '../otlp/map.ts';
import { type LogItem, readLogItems } from '../otlp/read.ts';
import { parseExact } from '../payload.ts';
import { attributed } from './attribute.ts';
import { checkDepth } from './body.ts';
import type { Callers } from './caller.ts';
import { type EventResult, type ProblemStatus, RequestError } from './problem.ts';
import type { TakeTokens } from './rate-limit.ts';
import { missingOf, type RecordAll, stableId } from './record.ts';
import { refusalOf } from './refusal.ts';
import { RETRY_SECONDS } from './send.ts';

export const OTLP_LOGS = '/v1/logs';

export interface OtlpOptions {
  readonly callers: Callers;
  readonly take: TakeTokens;
  readonly record: RecordAll;
  readonly maxEvents: number;
  readonly onAnswer: (status: number) => void;
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** Ten levels lead to a value, and four to the one within it: as deep as any value of an event. */
const MAX_DEPTH = 10 + 4 * 32;
/** Rejected records that an answer tells of. */
const TOLD = 3;

/** https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto */
const RPC_CODES: { readonly [status in ProblemStatus]: number } = {
  400: 3,
  401: 16,
  403: 7,
  404: 5,
  413: 8,
  415: 3,
  422: 3,
  429: 8,
  500: 13,
  503: 14,
};

export function addOtlpLogs(app: FastifyInstance, options: OtlpOptions): void {
  const { callers } = options;
  void app.register(async scope => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) =>
      done(null, parse(text)),
    );
    scope.setErrorHandler((error, _request, reply) => {
      const refusal = otlpRefusalOf(error);
      if (refusal.status === 500) options.onError?.(error);
      if (refusal.status === 401) void reply.header('www-authenticate', 'Bearer');
      if (refusal.retryAfterSeconds !== undefined) void reply.header('retry-after', String(refusal.retryAfterSeconds));
      return sendJson(reply, refusal.status, { code: RPC_CODES[refusal.status], message: refusal.message });
    });
    scope.post(OTLP_LOGS, {
      // Before the body is read: a stranger's is not.
      onRequest: request => callers.check(request),
      preParsing: async (request, reply, payload) => unzipped(request, reply, payload),
      onResponse: async (_request, reply) => options.onAnswer(reply.statusCode),
      handler: async (request, reply) => sendJson(reply, 200, await exportLogs(request, options)),
    });
  });
}

/** The response of the protocol. Nothing is recorded before all is read. Throws RequestError. */
async function exportLogs(request: FastifyRequest, { callers, take, record, maxEvents }: OtlpOptions): Promise<object> {
  const { identity, name } = callers.of(request);
  const items = itemsOf(request.body, maxEvents);
  take(name, items.length);
  const events = items.map(mapped);
  const seed = stableId('otlp', name, JSON.stringify(request.body));
  const inputOf = (event: unknown, id: string | undefined): AuditInput => {
    if (event instanceof AuditError) throw event;
    // Without a time two requests may be equal and yet none the other's repetition.
    return attributed(event, identity, hasTime(event) ? id : undefined);
  };
  const results = await record({ events, seed, inputOf });
  const missing = missingOf(results);
  if (missing === 0) return responseOf(results);
  const message = `${missing} of ${results.length} records were not acknowledged: send the request again`;
  throw new RequestError(503, message, RETRY_SECONDS);
}

function itemsOf(body: unknown, maxEvents: number): readonly LogItem[] {
  if (typeof body === 'object' && body !== null) checkDepth(body, MAX_DEPTH);
  const items = readItems(body);
  if (items.length <= maxEvents) return items;
  throw new RequestError(413, `the body: found ${items.length} log records, expected at most ${maxEvents}`);
}

function readItems(body: unknown): readonly LogItem[] {
  try {
    return readLogItems(body);
  } catch (error) {
    throw error instanceof AuditError ? new RequestError(400, error.message) : error;
  }
}

/** A record as an event, or why it is none. */
function mapped(item: LogItem): unknown {
  try {
    return mapLogRecord(item, stableId);
  } catch (error) {
    if (error instanceof AuditError) return error;
    throw error;
  }
}

const hasTime = (event: unknown): boolean =>
  typeof event === 'object' && event !== null && 'occurredAt' in event && event.occurredAt !== undefined;

/** `ExportLogsServiceResponse`; a 64-bit integer is a text. */
function responseOf(results: readonly EventResult[]): object {
  const rejected = results.flatMap((result, index) => {
    if (result.status !== 'refused') return [];
    const problems = result.problems?.map(
      ({ field, found, expected }) => `${field}: found ${found}, expected ${expected}`,
    );
    return [`record ${index}: ${problems?.join('; ') ?? result.detail}`];
  });
  if (rejected.length === 0) return {};
  const more = rejected.length > TOLD ? [`and ${rejected.length - TOLD} more`] : [];
  const errorMessage = [...rejected.slice(0, TOLD), ...more].join('. ');
  return { partialSuccess: { rejectedLogRecords: String(rejected.length), errorMessage } };
}

/** The body as it was before `Content-Encoding`; its limit is then that of any body, so that a small one can't become a large one. */
function unzipped(request: FastifyRequest, reply: FastifyReply, payload: RequestPayload): RequestPayload {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return payload;
  if (encoding !== 'gzip') throw new RequestError(415, 'Content-Encoding: expected gzip, or none');
  const unzip = Object.assign(createGunzip(), { receivedEncodedLength: 0 });
  payload.on('data', (chunk: Buffer) => {
    unzip.receivedEncodedLength += chunk.length;
  });
  payload.on('error', error => unzip.destroy(error)).pipe(unzip);
  reply.raw.once('close', () => unzip.destroy());
  return unzip;
}

function parse(text: string | Buffer): unknown {
  try {
    return parseExact(String(text));
  } catch {
    throw new RequestError(400, 'expected JSON');
  }
}

function otlpRefusalOf(error: unknown): RequestError {
  const refusal = refusalOf(error);
  if (refusal.status !== 415 || refusal === error) return refusal;
  const advice = 'set the exporter to http/json (OTEL_EXPORTER_OTLP_PROTOCOL; encoding: json in a collector)';
  return new RequestError(415, `expected Content-Type: application/json: ${advice}`);
}

function sendJson(reply: FastifyReply, status: number, body: object): FastifyReply {
  // As bytes: to a text a charset is added, and collectors read what comes as `application/json` to the letter.
  return reply
    .code(status)
    .header('content-type', 'application/json')
    .send(Buffer.from(JSON.stringify(body)));
}
