/** A transport in memory: what it takes is listed, and how it answers is the test's choice. */
import { type AuditorSettings, auditorOver } from '../../../producers/sdk/auditor.ts';
import type { AuditError } from '../../../producers/sdk/error.ts';
import type { Auditor } from '../../../producers/sdk/index.ts';
import type { AuditInput } from '../../../producers/sdk/input.ts';
import { createMask } from '../../../producers/sdk/masking.ts';
import { secretFields } from '../../../producers/sdk/secret-fields.ts';
import { type Delivery, Sender } from '../../../producers/sdk/sender.ts';
import { type OutgoingMessage, type Transport, TransportError } from '../../../producers/sdk/transport.ts';
import { auditEventType } from '../../../schemas/avro.ts';
import type { AuditEvent } from '../../../schemas/types.ts';

/** What becomes of a request: taken, or one of the failures; `lost-answer` is taken, and reported as unknown. */
export type Answer = 'ok' | 'unsent' | 'unknown' | 'lost-answer' | 'refused' | 'too-large';

export interface Request {
  readonly partition: number;
  readonly events: readonly AuditEvent[];
  readonly messages: readonly OutgoingMessage[];
}

export class FakeTransport implements Transport {
  readonly requests: Request[] = [];
  /** What the topic holds, in order of arrival. */
  readonly taken: { partition: number; event: AuditEvent; message: OutgoingMessage }[] = [];
  readonly holds: boolean[] = [];
  partitions = 3;
  opened: 'ok' | 'unsent' | 'refused' = 'ok';
  answer: (request: Request) => Answer | Promise<Answer> = () => 'ok';
  inFlight = 0;
  mostInFlight = 0;
  closed = false;

  async open(): Promise<void> {
    if (this.opened !== 'ok') throw new TransportError(this.opened, `opening: ${this.opened}`);
  }

  partitionOf(key: string): number {
    return [...key].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % this.partitions;
  }

  async send(partition: number, messages: readonly OutgoingMessage[]): Promise<undefined> {
    const request = { partition, messages, events: messages.map(({ datum }) => auditEventType().decode(datum)) };
    this.requests.push(request);
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    const answer = await this.answer(request);
    this.inFlight -= 1;
    if (answer === 'ok' || answer === 'lost-answer') {
      messages.forEach((message, index) => {
        const event = request.events[index];
        if (event !== undefined) this.taken.push({ partition, event, message });
      });
    }
    if (answer !== 'ok') throw new TransportError(answer === 'lost-answer' ? 'unknown' : answer, `answer: ${answer}`);
  }

  hold(pending: boolean): void {
    this.holds.push(pending);
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

/** An auditor over a fake transport, quick to retry, with ids and times that count. */
export function fakeAuditor(
  changes: Partial<AuditorSettings> = {},
  transport = new FakeTransport(),
  deliver = (settings: AuditorSettings): Delivery => new Sender(transport, settings),
): {
  auditor: Auditor;
  transport: FakeTransport;
  errors: AuditError[];
} {
  const errors: AuditError[] = [];
  let ids = 0;
  const settings: AuditorSettings = {
    origin: { service: 'test', version: null, commit: null, environment: null, region: null, host: null },
    instance: 'instance-1',
    lingerMs: 0,
    maxBatchBytes: 1_000_000,
    requestTimeoutMs: 1000,
    deliveryTimeoutMs: 5000,
    retryMs: { first: 1, longest: 4 },
    maxEventBytes: 900_000,
    maxQueuedEvents: 10_000,
    maxQueuedBytes: 64_000_000,
    reserved: false,
    mask: createMask(),
    isSecretField: secretFields(),
    key: event => `${event.targets[0]?.type}/${event.targets[0]?.id}`,
    onError: error => errors.push(error),
    newId: () => `0197f0c4-7b0a-7c3e-8f00-${String(ids++).padStart(12, '0')}`,
    now: () => 1_700_000_000_000_000,
    ...changes,
  };
  return { auditor: auditorOver(transport, settings, deliver(settings)), transport, errors };
}

/** A small valid event about a thing of that id. */
export const anEvent = (id = '42'): AuditInput => ({ action: 'account.close', target: { type: 'account', id } });

/** A hand on the answers: each request waits until it is let go. */
export function gate(): { answer: () => Promise<Answer>; open: (answer?: Answer) => void } {
  const waiting: ((answer: Answer) => void)[] = [];
  let opened: Answer | undefined;
  return {
    answer: () => (opened === undefined ? new Promise(resolve => waiting.push(resolve)) : Promise.resolve(opened)),
    open: (answer = 'ok') => {
      opened = answer;
      for (const resolve of waiting.splice(0)) resolve(answer);
    },
  };
}
