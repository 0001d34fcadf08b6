// Which team a person belongs to and who leads them, by the pseudonymous ids of the directory; never a name or an address.

import type { AuditRecord, Enrichment } from '../../../schemas/index.ts';
import { attribute, type Enricher, found, missing } from './enricher.ts';
import type { Directory, Person } from './people-file.ts';

/** An event may name a thousand targets; more than a few entries help nobody. */
const maxEntries = 8;

export function createPeople(current: () => Directory): Enricher {
  return {
    name: 'people',
    get version() {
      return current().digest;
    },
    enrich(record: AuditRecord): Enrichment[] {
      const { people, digest } = current();
      const source = { name: 'people', version: digest };
      return peopleOf(record).map(({ id, about }) => {
        const person = people.get(id);
        return person
          ? found(source, about, valuesOf(person))
          : missing(source, about, 'the directory has no such person');
      });
    },
  };
}

/** The person who did it, those on whose behalf, and those to whom it was done. */
function peopleOf({ actor, targets }: AuditRecord): { id: string; about: string }[] {
  const people: { id: string; about: string }[] = [];
  if (actor?.kind === 'human') people.push({ id: actor.id, about: 'actor.id' });
  for (const [index, { kind, id }] of (actor?.onBehalfOf ?? []).entries())
    if (kind === 'human') people.push({ id, about: `actor.onBehalfOf[${index}].id` });
  for (const [index, { person, id }] of targets.entries()) {
    if (people.length >= maxEntries) break;
    if (person) people.push({ id, about: `targets[${index}].id` });
  }
  return people.slice(0, maxEntries);
}

function valuesOf({ team, manager }: Person) {
  const values = [];
  if (team !== null) values.push(attribute('team', team));
  if (manager !== null) values.push(attribute('manager', manager));
  return values;
}
