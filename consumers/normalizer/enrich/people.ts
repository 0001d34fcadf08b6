// Which team a person belongs to and who leads them, by the pseudonymous ids of the directory; never a name or an address.

import type { AuditRecord } from '../../../schemas/index.ts';
import { attribute, type Enricher, found, missing } from './enricher.ts';
import { createLookup, type Subject } from './lookup.ts';
import type { Directory, Person } from './people-file.ts';

/** An event may name a thousand targets; more than a few entries help nobody. */
const maxEntries = 8;

export function createPeople(current: () => Directory): Enricher {
  return createLookup({
    name: 'people',
    current,
    versionOf: ({ digest }) => digest,
    subjects: peopleOf,
    find: ({ people }, { about, id }, source) => {
      const person = people.get(id);
      if (!person) return missing(source, about, 'the directory has no such person');
      return found(source, about, valuesOf(person));
    },
  });
}

/** The person who did it, those on whose behalf, and those to whom it was done. */
function peopleOf({ actor, targets }: AuditRecord): Subject[] {
  const people: Subject[] = [];
  if (actor?.kind === 'human') people.push({ about: 'actor.id', id: actor.id });
  for (const [index, { kind, id }] of (actor?.onBehalfOf ?? []).entries())
    if (kind === 'human') people.push({ about: `actor.onBehalfOf[${index}].id`, id });
  for (const [index, { person, id }] of targets.entries()) {
    if (people.length >= maxEntries) break;
    if (person) people.push({ about: `targets[${index}].id`, id });
  }
  return people.slice(0, maxEntries);
}

function valuesOf({ team, manager }: Person) {
  const values = [];
  if (team !== null) values.push(attribute('team', team));
  if (manager !== null) values.push(attribute('manager', manager));
  return values;
}
