/** `POST /v1/webhooks/github`: deliveries of GitHub whose signature is right, as the events that the mapping makes of them. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { mapGitHubWebhook } from '../github/index.ts';
import { bytesOf, keepBytes } from './body.ts';
import type { Idempotency } from './idempotency.ts';
import { RequestError } from './problem.ts';
import { answerOf, type RecordAll } from './record.ts';
import { send } from './send.ts';

export interface GitHubWebhookOptions {
  readonly record: RecordAll;
  readonly secret: string;
  readonly idempotency: Idempotency;
  readonly onAnswer: (status: number) => void;
}

export function addGitHubWebhook(app: FastifyInstance, options: GitHubWebhookOptions): void {
  const { record, secret, idempotency } = options;
  void app.register(async scope => {
    keepBytes(scope);
    scope.post<{ Body: unknown }>('/v1/webhooks/github', {
      onResponse: async (_request, reply) => options.onAnswer(reply.statusCode),
      handler: async (request, reply) => {
        const bytes = bytesOf(request);
        checkSignature(bytes, request.headers['x-hub-signature-256'], secret);
        const name = header(request.headers, 'x-github-event');
        const deliveryId = header(request.headers, 'x-github-delivery');
        const payload = parse(bytes);
        const events = mapGitHubWebhook(name, payload, { deliveryId });
        const work = async (seed: string) =>
          answerOf(
            await record({ events, seed, inputOf: (event, id) => (id === undefined ? event : { ...event, id }) }),
          );
        return send(reply, await idempotency.answer('github', deliveryId, [name, payload], work));
      },
    });
  });
}

/** https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries: HMAC-SHA-256 of the body, in hex. */
function checkSignature(body: Buffer, found: unknown, secret: string): void {
  const expected = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`);
  const said = Buffer.from(typeof found === 'string' ? found : '');
  if (said.length === expected.length && timingSafeEqual(said, expected)) return;
  throw new RequestError(401, 'X-Hub-Signature-256: expected the signature of the body by the secret of the webhook');
}

function header(headers: Readonly<Record<string, unknown>>, name: string): string {
  const value = headers[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new RequestError(400, `${name}: found nothing, expected the header as GitHub sends it`);
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new RequestError(400, 'expected JSON');
  }
}
