// The personal texts of a record that is about to be sealed: by owner, each with its place in a copy. This says of PERSONAL, ownerOf and
// isLeftClear what they say (a test holds it to that), written out: it is run for each event, and costs a quarter of the general walk.

import type {
  Actor,
  Attribute,
  AuditRecord,
  Credential,
  Delegator,
  Enrichment,
  FieldChange,
  Sealed,
  Target,
  Value,
} from '../../schemas/types.ts';
import { type KeyOwner, ownerName } from './key-id.ts';
import { dayOwner, isLeftClear, ownerOf } from './personal-fields.ts';

/** A text and where it goes to in the copy, sealed. */
export interface Clear {
  readonly path: string;
  readonly text: string;
  put(sealed: Sealed): void;
}

export interface OwnedTexts {
  readonly owner: KeyOwner;
  readonly texts: Clear[];
}

export interface Gathered {
  /** Of the record: with its own objects on the way to each personal text, and the rest shared. */
  readonly copy: AuditRecord;
  /** Each owner once, by the order of their first texts. */
  readonly owned: readonly OwnedTexts[];
}

type Text = string | Sealed | null;
type Put = (sealed: Sealed) => void;

/** Gathers them, in the order of the schema. */
export function gatherClear(record: AuditRecord): Gathered {
  const gathering = new Gathering(record);
  const copy = { ...record };
  if (record.actor) copy.actor = gathering.actor(record.actor);
  if (record.targets.length > 0) copy.targets = record.targets.map(gathering.target);
  if (record.request) {
    const request = { ...record.request };
    copy.request = request;
    gathering.add('request.clientAddress', request.clientAddress, sealed => {
      request.clientAddress = sealed;
    });
    gathering.add('request.userAgent', request.userAgent, sealed => {
      request.userAgent = sealed;
    });
  }
  gathering.add('reason', record.reason, sealed => {
    copy.reason = sealed;
  });
  if (record.attributes.length > 0)
    copy.attributes = record.attributes.map((attribute, n) => gathering.attribute(attribute, `attributes[${n}].value`));
  if (record.enrichment.length > 0) copy.enrichment = record.enrichment.map(gathering.enrichment);
  return { copy, owned: gathering.owned };
}

class Gathering {
  readonly owned: OwnedTexts[] = [];
  readonly #byName = new Map<string, Clear[]>();
  readonly #record: AuditRecord;
  readonly #actor: KeyOwner;
  #owner: KeyOwner;
  /** Of the owner at hand, once it has a text. */
  #texts: Clear[] | null = null;
  #actorTexts: Clear[] | null = null;

  constructor(record: AuditRecord) {
    this.#record = record;
    this.#actor = record.actor ? { kind: 'person', id: record.actor.id } : dayOwner(record);
    this.#owner = this.#actor;
  }

  add(path: string, text: Text, put: Put): void {
    if (typeof text !== 'string') return;
    this.#texts ??= this.#textsOf(this.#owner);
    if (this.#owner === this.#actor) this.#actorTexts = this.#texts;
    this.#texts.push({ path, text, put });
  }

  actor(from: Actor): Actor {
    const actor = { ...from };
    this.add('actor.name', actor.name, sealed => {
      actor.name = sealed;
    });
    this.add('actor.email', actor.email, sealed => {
      actor.email = sealed;
    });
    this.add('actor.session', actor.session, sealed => {
      actor.session = sealed;
    });
    if (from.onBehalfOf.length > 0) actor.onBehalfOf = from.onBehalfOf.map(this.#delegator);
    if (from.credential) actor.credential = this.#credential(from.credential);
    return actor;
  }

  target = (from: Target, n: number): Target => {
    const target = { ...from };
    const path = `targets[${n}]`;
    if (from.person) this.#of({ kind: 'person', id: from.id });
    this.add(`${path}.name`, target.name, sealed => {
      target.name = sealed;
    });
    if (from.changes.length > 0)
      target.changes = from.changes.map((change, c) => this.#change(change, `${path}.changes[${c}]`));
    if (from.person) this.#of(this.#actor);
    return target;
  };

  attribute(from: Attribute, path: string): Attribute {
    return { ...from, value: this.#value(from.value, path) };
  }

  enrichment = (from: Enrichment, n: number): Enrichment => {
    const path = `enrichment[${n}]`;
    if (from.values.length === 0 || isLeftClear(this.#record, path)) return from;
    this.#of(ownerOf(this.#record, path));
    const values = from.values.map((one, v) => this.attribute(one, `${path}.values[${v}].value`));
    this.#of(this.#actor);
    return { ...from, values };
  };

  #delegator = (from: Delegator, n: number): Delegator => {
    const delegator = { ...from };
    this.#of({ kind: 'person', id: from.id });
    this.add(`actor.onBehalfOf[${n}].name`, delegator.name, sealed => {
      delegator.name = sealed;
    });
    this.#of(this.#actor);
    return delegator;
  };

  #credential(from: Credential): Credential {
    const credential = { ...from };
    this.add('actor.credential.subject', credential.subject, sealed => {
      credential.subject = sealed;
    });
    return credential;
  }

  #change({ field, before, after }: FieldChange, path: string): FieldChange {
    return {
      field,
      before: before && this.#value(before, `${path}.before`),
      after: after && this.#value(after, `${path}.after`),
    };
  }

  #value(from: Value, path: string): Value {
    const value = { ...from };
    this.add(`${path}.text`, value.text, sealed => {
      value.text = sealed;
    });
    return value;
  }

  /** What follows is this owner's. */
  #of(owner: KeyOwner): void {
    this.#owner = owner;
    this.#texts = owner === this.#actor ? this.#actorTexts : null;
  }

  #textsOf(owner: KeyOwner): Clear[] {
    const name = ownerName(owner);
    const known = this.#byName.get(name);
    if (known) return known;
    const texts: Clear[] = [];
    this.#byName.set(name, texts);
    this.owned.push({ owner, texts });
    return texts;
  }
}
