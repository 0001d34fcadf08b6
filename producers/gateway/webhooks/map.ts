/** A delivery of a webhook as the event that the file of webhooks makes of it. */
import { AuditError, type AuditInput } from '../../sdk/index.ts';
import { pseudonym, timeAt } from '../payload.ts';
import type { Webhook } from './file.ts';
import { resolvePointer } from './pointer.ts';
import { readSource, type Source, textOf } from './value.ts';

interface Problem {
  readonly field: string;
  readonly found: string;
  readonly expected: string;
}

/** Whether a delivery is one that is recorded. */
export function isMeant({ when }: Webhook, payload: unknown): boolean {
  return when.every(({ pointer, in: among, notIn }) => {
    const found = resolvePointer(pointer, payload);
    const isAmong = (among ?? notIn ?? []).some(value => value === found);
    return isAmong === (among !== undefined);
  });
}

/** Throws AuditError `invalid-event` with all that the payload lacks. `by`: stands where no actor is named, and in `gateway.reported-by`. */
export function mapWebhook(name: string, { event }: Webhook, payload: unknown): AuditInput {
  const problems: Problem[] = [];
  const reader = readerOf(payload, problems);
  const { target, actor, occurredAt, origin = {}, request, change, attributes = {} } = event;
  const input = {
    action: reader.text('action', event.action),
    target: reader.texts('target', target),
    ...(actor && { actor: actorOf(name, reader.texts('actor', actor)) }),
    ...(occurredAt && { occurredAt: reader.time('occurredAt', occurredAt) }),
    ...(event.outcome && { outcome: reader.text('outcome', event.outcome) }),
    ...(event.tenant && { tenant: reader.text('tenant', event.tenant) }),
    ...(event.reason && { reason: reader.text('reason', event.reason) }),
    origin: { service: name, ...reader.texts('origin', origin) },
    ...(request && { request: reader.texts('request', request) }),
    ...(change && { change: reader.texts('change', change) }),
    attributes: reader.values('attributes', attributes),
  };
  if (problems.length === 0) return input as unknown as AuditInput;
  const told = problems.map(({ field, found, expected }) => `${field}: found ${found}, expected ${expected}`);
  throw new AuditError('invalid-event', told.join('; '), { problems });
}

type Sources = Readonly<Record<string, Source | undefined>>;

/** Reads sources, and notes what is wrong with each. */
function readerOf(payload: unknown, problems: Problem[]) {
  const value = (field: string, from: Source) =>
    readSource(from, payload, (found, expected) => problems.push({ field, found, expected }));
  const text = (field: string, from: Source): string | undefined => {
    const found = value(field, from);
    const said = textOf(found);
    if (found !== undefined && said === undefined)
      problems.push({ field, found: noText(from), expected: 'a text or a number' });
    return said;
  };
  const each = <T>(field: string, sources: Sources, read: (field: string, from: Source) => T) =>
    Object.fromEntries(
      Object.entries(sources).flatMap(([name, from]) => {
        const found = from && read(`${field}.${name}`, from);
        return found === undefined ? [] : [[name, found] as const];
      }),
    );
  return {
    text,
    texts: (field: string, sources: Sources) => each(field, sources, text),
    values: (field: string, sources: Sources) => each(field, sources, value),
    time: (field: string, from: Source): Date | undefined => {
      const found = value(field, from);
      const time = found === undefined ? undefined : timeOf(found);
      if (found !== undefined && time === undefined) problems.push({ field, found: noText(from), expected: 'a time' });
      return time;
    },
  };
}

const noText = (from: Source): string =>
  'pointer' in from ? `something else at ${from.pointer.text}` : 'something else';

/** A text as RFC 3339 has it, or a number of seconds, milliseconds or microseconds since 1970: no time of these two centuries is two of them. */
function timeOf(value: unknown): Date | undefined {
  const number =
    typeof value === 'number' || (typeof value === 'string' && /^\d+(\.\d+)?$/.test(value)) ? Number(value) : undefined;
  if (number === undefined) return timeAt({ value }, 'value');
  const [seconds = number] = [1, 1e3, 1e6].map(unit => number / unit).filter(each => each < 8e9);
  return timeAt({ seconds }, 'seconds');
}

/** What looks like a mail address is no id: ids are never encrypted. A digest stands for it, and it is the name. */
function actorOf(webhook: string, actor: Record<string, string>): Record<string, string> {
  const { id } = actor;
  if (!id?.includes('@')) return actor;
  return { name: id, ...actor, id: pseudonym(webhook, id) };
}
