/** `POST /v1/webhooks/:name`: deliveries of the systems that the file of webhooks names, checked and mapped as it says. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { VerifiedIdentity } from '../../identity/index.ts';
import type { AuditInput } from '../../sdk/index.ts';
import { identifier, parseExact } from '../payload.ts';
import type { Webhook, Webhooks } from '../webhooks/file.ts';
import { isMeant, mapWebhook } from '../webhooks/map.ts';
import { resolvePointer } from '../webhooks/pointer.ts';
import { signatureProblem } from '../webhooks/signature.ts';
import { textOf } from '../webhooks/value.ts';
import { attributed } from './attribute.ts';
import { bytesOf, checkDepth, keepBytes, MAX_DEPTH } from './body.ts';
import type { Callers } from './caller.ts';
import type { Idempotency } from './idempotency.ts';
import { type Answer, RequestError } from './problem.ts';
import type { TakeTokens } from './rate-limit.ts';
import { answerOf, type RecordAll, stableId } from './record.ts';
import { send } from './send.ts';

export interface WebhookOptions {
  readonly webhooks: Webhooks;
  readonly callers: Callers;
  readonly take: TakeTokens;
  readonly record: RecordAll;
  readonly idempotency: Idempotency;
  readonly now: () => number;
  readonly onAnswer: (status: number) => void;
}

export function addWebhooks(app: FastifyInstance, options: WebhookOptions): void {
  const { webhooks, callers, take } = options;
  void app.register(async scope => {
    keepBytes(scope);
    for (const [name, webhook] of Object.entries(webhooks)) {
      scope.post(`/v1/webhooks/${name}`, {
        onRequest: async request => {
          if (webhook.signature === undefined) await callers.check(request);
        },
        onResponse: async (_request, reply) => options.onAnswer(reply.statusCode),
        handler: async (request, reply) => {
          const payload = checkedPayload(request, webhook, options.now());
          if (!isMeant(webhook, payload)) return send(reply, IGNORED);
          const caller = webhook.signature === undefined ? callers.of(request) : undefined;
          if (caller !== undefined) take(caller.name, 1);
          return send(reply, await answer({ name, webhook, payload, identity: caller?.identity }, request, options));
        },
      });
    }
  });
}

const IGNORED: Answer = { status: 200, body: { results: [{ status: 'ignored' }] } };

interface Delivery {
  readonly name: string;
  readonly webhook: Webhook;
  readonly payload: unknown;
  /** Whose credential was checked; undefined: a signature was. */
  readonly identity: VerifiedIdentity | undefined;
}

/** Once for each delivery, with an id that is always the same. */
async function answer(delivery: Delivery, request: FastifyRequest, options: WebhookOptions): Promise<Answer> {
  const { name, webhook, payload } = delivery;
  const own = deliveryId(webhook, request, payload);
  const id = stableId('webhook', name, own);
  const inputOf = () => inputFrom(delivery, { id, own });
  const work = async () => answerOf(await options.record({ events: [payload], inputOf, seed: undefined }));
  return options.idempotency.answer(`webhook ${name}`, id, payload, work);
}

function inputFrom(
  { name, webhook, payload, identity }: Delivery,
  { id, own }: { id: string; own: string },
): AuditInput {
  const mapped = mapWebhook(name, webhook, payload);
  const event = { ...mapped, id, request: { id: identifier(own), ...mapped.request } };
  if (identity !== undefined && event.actor === undefined) return attributed(event, identity, undefined);
  // The actor is whom the payload names, else the system itself: an attribute says who vouches for it.
  const reporter = identity?.actor.id ?? `webhook/${name}`;
  const actor = event.actor ?? { kind: 'machine', id: reporter };
  return { ...event, actor, attributes: { ...event.attributes, 'gateway.reported-by': reporter } };
}

/** The body of a delivery whose signature, if it has one, is right. Throws RequestError. */
function checkedPayload(request: FastifyRequest, { signature }: Webhook, nowMs: number): unknown {
  const bytes = bytesOf(request);
  const problem = signature && signatureProblem(signature, request.headers, bytes, nowMs);
  if (problem !== undefined) throw new RequestError(401, problem);
  const payload = parse(bytes);
  if (typeof payload === 'object' && payload !== null) checkDepth(payload, MAX_DEPTH);
  return payload;
}

function parse(bytes: Buffer): unknown {
  try {
    return parseExact(bytes.toString('utf8'));
  } catch {
    throw new RequestError(400, 'expected JSON');
  }
}

function deliveryId({ delivery: { header, pointer } }: Webhook, { headers }: FastifyRequest, payload: unknown): string {
  const found = pointer === undefined ? headers[String(header).toLowerCase()] : resolvePointer(pointer, payload);
  const id = textOf(found);
  if (id !== undefined && id !== '') return id;
  if (pointer !== undefined)
    throw new RequestError(422, `delivery: found no text at ${pointer.text}, expected the id of the delivery`);
  throw new RequestError(400, `${header}: found nothing, expected the header with the id of the delivery`);
}
