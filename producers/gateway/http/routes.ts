/** The routes that take events under the credential of their caller: what their bodies are, and who is said to have acted. */
import type { FastifyRequest } from 'fastify';
import type { VerifiedIdentity } from '../../identity/index.ts';
import type { AuditInput } from '../../sdk/index.ts';
import { mapCloudEvent } from '../cloudevents/map.ts';
import { BATCHED, readCloudEvents, STRUCTURED } from '../cloudevents/read.ts';
import { mapCloudTrail } from '../cloudtrail/map.ts';
import { mapKubernetesAudit } from '../kubernetes/map.ts';
import { isObject } from '../payload.ts';
import { attributed } from './attribute.ts';
import { stableId } from './record.ts';

export interface EventRoute {
  readonly url: string;
  /** One item, or a list of them. */
  itemsOf(request: FastifyRequest): unknown;
  /** An item as `record` takes it; `id`: for one that has none. Throws AuditError where it is none. */
  inputOf(item: unknown, identity: VerifiedIdentity, id: string | undefined): AuditInput;
}

export const cloudEventTypes = [STRUCTURED, BATCHED];

export const eventRoutes: readonly EventRoute[] = [
  { url: '/v1/events', itemsOf: ({ body }) => body, inputOf: attributed },
  {
    url: '/v1/cloudevents',
    itemsOf: ({ headers, body }) => readCloudEvents(headers, body),
    inputOf: (item, identity) => attributed(mapCloudEvent(item, stableId), identity, undefined),
  },
  {
    url: '/v1/webhooks/kubernetes',
    // An EventList, as the API server's webhook backend sends it.
    itemsOf: ({ body }) => (isObject(body) && body.kind === 'EventList' ? body.items : body),
    inputOf: (item, identity) => reportedBy(identity, mapKubernetesAudit(item, stableId)),
  },
  {
    url: '/v1/webhooks/cloudtrail',
    // An event of EventBridge, a log file's Records, or a list of either.
    itemsOf: ({ body }) => (isObject(body) && 'Records' in body ? body.Records : body),
    inputOf: (item, identity) => reportedBy(identity, mapCloudTrail(item, stableId)),
  },
];

/** The actor is whom the system names that the caller sends for: an attribute says who vouches for it. */
function reportedBy({ actor }: VerifiedIdentity, event: AuditInput): AuditInput {
  return { ...event, attributes: { ...event.attributes, 'gateway.reported-by': actor.id } };
}
