/**
 * Events as lines on standard error, for development: no broker, no registry, and no evidence. `createAuditor` refuses it
 * where the environment is production.
 */
import { auditEventType } from '../../schemas/avro.ts';
import type { AuditEvent, Value } from '../../schemas/types.ts';
import type { OutgoingMessage, Transport } from './transport.ts';

export class ConsoleTransport implements Transport {
  readonly #write: (line: string) => void;
  #greeted = false;

  constructor(write: (line: string) => void = line => void process.stderr.write(`${line}\n`)) {
    this.#write = write;
  }

  async open(): Promise<void> {
    if (this.#greeted) return;
    this.#greeted = true;
    this.#write('audit: events are printed here and recorded nowhere (transport: console)');
  }

  partitionOf(): number {
    return 0;
  }

  async send(_partition: number, messages: readonly OutgoingMessage[]): Promise<undefined> {
    for (const { datum } of messages) this.#write(formatEvent(auditEventType().decode(datum)));
  }

  hold(): void {}

  async close(): Promise<void> {}
}

/** An event in a line: `audit: account.close success account/42 by human u-1842 (acme) because "asked for"`. */
function formatEvent(event: AuditEvent): string {
  const { action, outcome, targets, actor, tenant, reason, attributes } = event;
  const things = targets.map(({ type, id }) => `${type}/${id}`).join(', ');
  const who = actor === null ? '' : ` by ${actor.kind} ${actor.id}`;
  const changes = targets.flatMap(({ changes: all }) => all);
  const parts = [
    ...changes.map(({ field, before, after }) => `\n    ${field}: ${formatValue(before)} → ${formatValue(after)}`),
    ...attributes.map(({ key, value }) => `\n    ${key} = ${formatValue(value)}`),
  ];
  const where = tenant === null ? '' : ` (${tenant})`;
  const why = typeof reason === 'string' ? ` because ${JSON.stringify(reason)}` : '';
  return `audit: ${action} ${outcome} ${things}${who}${where}${why}${parts.join('')}`;
}

/** As JSON, so that no value makes a line of its own. */
function formatValue(value: Value | null): string {
  if (value === null) return 'nothing';
  const text = String(value.text);
  return value.type === 'string' ? JSON.stringify(text) : text;
}
