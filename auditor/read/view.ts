// What people look for in an event, found in a decoded value of any shape: fields that are not there, or are of another
// type, are simply empty.

/** An event's main fields as texts; empty where there are none. */
export interface View {
  readonly id: string;
  readonly action: string;
  readonly outcome: string;
  readonly tenant: string;
  readonly actorId: string;
  /** The actor's name, or `(sealed)` where it is encrypted. */
  readonly actorName: string;
  /** Each as `type/id`. */
  readonly targets: readonly string[];
  readonly service: string;
}

const SEALED = '(sealed)';

type Fields = { readonly [name: string]: unknown };

export function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

/** Whether a value is personal data in encrypted form: key id, nonce and ciphertext. */
function isSealed(value: unknown): boolean {
  return isRecord(value) && value.nonce instanceof Uint8Array && value.ciphertext instanceof Uint8Array;
}

/** A text as it is; `(sealed)` for one that is encrypted (bytes, where a text should be, are taken for that). */
function textIn(fields: unknown, name: string): string {
  const value = isRecord(fields) ? fields[name] : undefined;
  if (typeof value === 'string') return value;
  return isSealed(value) || value instanceof Uint8Array ? SEALED : '';
}

export function viewOf(value: unknown): View {
  const event: Fields = isRecord(value) ? value : {};
  const targets = Array.isArray(event.targets) ? event.targets : [];
  return {
    id: textIn(event, 'id'),
    action: textIn(event, 'action'),
    outcome: textIn(event, 'outcome'),
    tenant: textIn(event, 'tenant'),
    actorId: textIn(event.actor, 'id'),
    actorName: textIn(event.actor, 'name'),
    targets: targets.map((target: unknown) => `${textIn(target, 'type')}/${textIn(target, 'id')}`),
    service: textIn(event.origin, 'service'),
  };
}
