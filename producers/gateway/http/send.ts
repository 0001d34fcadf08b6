/** Sends an answer: from 400 on as problem+json, with `Retry-After` where trying again may help. */
import type { FastifyReply } from 'fastify';
import { type Answer, isProblemStatus } from './problem.ts';

export const RETRY_SECONDS = 5;
const PROBLEM = 'application/problem+json';

export function send(reply: FastifyReply, { status, body }: Answer, retryAfter?: number): FastifyReply {
  const seconds = retryAfter ?? (status === 503 ? RETRY_SECONDS : undefined);
  if (seconds !== undefined) void reply.header('retry-after', String(seconds));
  return reply
    .code(status)
    .type(isProblemStatus(status) ? PROBLEM : 'application/json')
    .send(JSON.stringify(body));
}
