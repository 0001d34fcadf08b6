// The personal texts of a record that is about to be sealed, in the order of the schema, each with its owner. This says of PERSONAL,
// ownerOf and isLeftClear what they say (a test holds it to that), written out: it is run for each event, and builds nothing but lists.

import type { Actor, Attribute, AuditRecord, Enrichment, Sealed, Target } from '../../schemas/types.ts';
import { type KeyOwner, ownerName } from './key-id.ts';
import { dayOwner, isClearEnrichment, ownerOf } from './personal-fields.ts';

/** The owner of a text that stays in clear. */
export const NOBODY = -1;

type Text = string | Sealed | null;

/** Lists of the same length: of each personal text that is in clear its path, itself, and the index of its owner, or NOBODY. */
export class Gathered {
  readonly paths: string[] = [];
  readonly texts: string[] = [];
  readonly ownerOf: number[] = [];
  /** Each once, by the order of their first texts. */
  readonly owners: KeyOwner[] = [];
  readonly #record: AuditRecord;
  #actor = NOBODY;
  /** Where others than the actor own something, which is seldom. */
  #byName: Map<string, number> | null = null;

  constructor(record: AuditRecord) {
    this.#record = record;
    const { actor, targets, request, attributes, enrichment } = record;
    if (actor) this.#ofActor(actor);
    for (let n = 0; n < targets.length; n++) this.#ofTarget(targets[n] as Target, n);
    if (request) {
      this.#add('request.clientAddress', request.clientAddress, null);
      this.#add('request.userAgent', request.userAgent, null);
    }
    this.#add('reason', record.reason, null);
    for (let n = 0; n < attributes.length; n++)
      this.#add(attributePath(n), (attributes[n] as Attribute).value.text, null);
    for (let n = 0; n < enrichment.length; n++) this.#ofEnrichment(enrichment[n] as Enrichment, n);
  }

  /** The index of an owner, who may have no text yet. */
  indexOf(owner: KeyOwner): number {
    if (this.#byName === null) {
      this.#byName = new Map();
      for (let n = 0; n < this.owners.length; n++) this.#byName.set(ownerName(this.owners[n] as KeyOwner), n);
    }
    const name = ownerName(owner);
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    this.#byName.set(name, this.owners.length);
    return this.owners.push(owner) - 1;
  }

  /** `owner`: null for the actor, or whoever stands for an actor that is not there. */
  #add(path: string, text: Text, owner: KeyOwner | null): void {
    if (typeof text !== 'string') return;
    this.paths.push(path);
    this.texts.push(text);
    this.ownerOf.push(owner === null ? this.#actorIndex() : this.indexOf(owner));
  }

  #actorIndex(): number {
    if (this.#actor !== NOBODY) return this.#actor;
    const { actor } = this.#record;
    const owner: KeyOwner = actor ? { kind: 'person', id: actor.id } : dayOwner(this.#record);
    if (this.owners.length === 0) {
      this.owners.push(owner);
      this.#actor = 0;
    } else this.#actor = this.indexOf(owner);
    return this.#actor;
  }

  #ofActor(actor: Actor): void {
    this.#add('actor.name', actor.name, null);
    this.#add('actor.email', actor.email, null);
    this.#add('actor.session', actor.session, null);
    for (const [n, { id, name }] of actor.onBehalfOf.entries())
      this.#add(`actor.onBehalfOf[${n}].name`, name, { kind: 'person', id });
    if (actor.credential) this.#add('actor.credential.subject', actor.credential.subject, null);
  }

  #ofTarget({ name, person, id, changes }: Target, n: number): void {
    const owner: KeyOwner | null = person ? { kind: 'person', id } : null;
    if (name !== null) this.#add(`targets[${n}].name`, name, owner);
    for (let c = 0; c < changes.length; c++) {
      const { before, after } = changes[c] as Target['changes'][number];
      if (before) this.#add(changePath(n, c, 'before'), before.text, owner);
      if (after) this.#add(changePath(n, c, 'after'), after.text, owner);
    }
  }

  #ofEnrichment({ name, about, values }: Enrichment, n: number): void {
    if (values.length === 0) return;
    const isClear = isClearEnrichment(name);
    const isOfActor = about === null || !LISTS.test(about);
    const owner = isClear || isOfActor ? null : ownerOf(this.#record, about);
    for (let v = 0; v < values.length; v++) {
      const { text } = (values[v] as Attribute).value;
      if (isClear && typeof text === 'string') {
        this.paths.push('');
        this.texts.push(text);
        this.ownerOf.push(NOBODY);
      } else this.#add(enrichmentPath(n, v), text, owner);
    }
  }
}

/** What may be another's than the actor's. */
const LISTS = /^(?:targets|actor\.onBehalfOf)\[/;

/** Paths of the first few are kept: made for each event, they would cost more than the rest. */
const kept = 16;
const table = (path: (n: number) => string): string[] => Array.from({ length: kept }, (_, n) => path(n));
const attributePaths = table(n => `attributes[${n}].value.text`);
const enrichmentPaths = Array.from({ length: kept }, (_, n) => table(v => `enrichment[${n}].values[${v}].value.text`));
const changePaths = {
  before: Array.from({ length: kept }, (_, n) => table(c => `targets[${n}].changes[${c}].before.text`)),
  after: Array.from({ length: kept }, (_, n) => table(c => `targets[${n}].changes[${c}].after.text`)),
};

const attributePath = (n: number): string => attributePaths[n] ?? `attributes[${n}].value.text`;
const enrichmentPath = (n: number, v: number): string =>
  enrichmentPaths[n]?.[v] ?? `enrichment[${n}].values[${v}].value.text`;
const changePath = (n: number, c: number, when: 'before' | 'after'): string =>
  changePaths[when][n]?.[c] ?? `targets[${n}].changes[${c}].${when}.text`;
