/** What the gateway answers when it refuses: problem+json (RFC 9457), with what was found and what is expected. */
import type { EventProblem } from '../../../core/event/index.ts';

const TITLES = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
} as const;

export type ProblemStatus = keyof typeof TITLES;

/** What became of one event of a request. */
export interface EventResult {
  readonly id?: string | undefined;
  /** `unknown`: Kafka may have it or not. */
  readonly status: 'accepted' | 'refused' | 'not-recorded' | 'unknown';
  readonly problems?: readonly EventProblem[] | undefined;
  readonly detail?: string | undefined;
}

export interface Answer {
  readonly status: number;
  readonly body: object;
}

/** A refusal of a whole request. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly status: ProblemStatus;
  readonly retryAfterSeconds: number | undefined;

  constructor(status: ProblemStatus, message: string, retryAfterSeconds?: number) {
    super(message);
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export function problem(status: ProblemStatus, detail: string, results?: readonly EventResult[]): Answer {
  const body = { type: 'about:blank', title: TITLES[status], status, detail };
  return { status, body: results === undefined ? body : { ...body, results } };
}

export function isProblemStatus(status: number): status is ProblemStatus {
  return Object.hasOwn(TITLES, status);
}
