// Who answers for a service: its owner team, tier and repository, for the service that recorded an event and for those it was done to.

import type { AuditRecord, Enrichment } from '../../../schemas/index.ts';
import type { Catalogue, Service } from './catalogue-file.ts';
import { attribute, type Enricher, found, missing } from './enricher.ts';

/** Types of targets that are services of the catalogue. */
const SERVICE_TYPES: ReadonlySet<string> = new Set(['service', 'component']);
/** An event may name a thousand targets; more than a few entries help nobody. */
const maxTargets = 8;

export function createCatalogue(current: () => Catalogue): Enricher {
  return {
    name: 'catalogue',
    get version() {
      return current().digest;
    },
    enrich(record: AuditRecord): Enrichment[] {
      const { services, digest } = current();
      const source = { name: 'catalogue', version: digest };
      return servicesOf(record).map(({ service, about }) => {
        const entry = services.get(service);
        return entry
          ? found(source, about, valuesOf(entry))
          : missing(source, about, 'the catalogue has no such service');
      });
    },
  };
}

function servicesOf({ origin, targets }: AuditRecord): { service: string; about: string }[] {
  const services = origin === null ? [] : [{ service: origin.service, about: 'origin.service' }];
  for (const [index, target] of targets.entries()) {
    if (services.length >= maxTargets) break;
    if (SERVICE_TYPES.has(target.type)) services.push({ service: target.id, about: `targets[${index}].id` });
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
