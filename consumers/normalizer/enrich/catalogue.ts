// Who answers for a service: its owner team, tier and repository, for the service that recorded an event and for those it was done to.

import type { AuditRecord } from '../../../schemas/index.ts';
import type { Catalogue, Service } from './catalogue-file.ts';
import { attribute, type Enricher, found, missing } from './enricher.ts';
import { createLookup, type Subject } from './lookup.ts';

/** Types of targets that are services of the catalogue. */
const SERVICE_TYPES: ReadonlySet<string> = new Set(['service', 'component']);
/** An event may name a thousand targets; more than a few entries help nobody. */
const maxEntries = 8;

export function createCatalogue(current: () => Catalogue): Enricher {
  return createLookup({
    name: 'catalogue',
    current,
    versionOf: ({ digest }) => digest,
    subjects: servicesOf,
    find: ({ services }, { about, id }, source) => {
      const service = services.get(id);
      if (!service) return missing(source, about, 'the catalogue has no such service');
      return found(source, about, valuesOf(service));
    },
  });
}

function servicesOf({ origin, targets }: AuditRecord): Subject[] {
  const services: Subject[] = origin === null ? [] : [{ about: 'origin.service', id: origin.service }];
  for (const [index, { type, id }] of targets.entries()) {
    if (services.length >= maxEntries) break;
    if (SERVICE_TYPES.has(type)) services.push({ about: `targets[${index}].id`, id });
  }
  return services;
}

function valuesOf({ owner, tier, repository }: Service) {
  const values = [];
  if (owner !== null) values.push(attribute('owner', owner));
  if (tier !== null) values.push(attribute('tier', tier));
  if (repository !== null) values.push(attribute('repository', repository));
  return values;
}
