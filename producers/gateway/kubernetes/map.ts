/**
 * A Kubernetes audit event (`audit.k8s.io/v1`, https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/) as an audit event. Who
 * acted is whom the API server authenticated; whoever sends the webhook vouches for that. Bodies of requests and answers stay out, and
 * so does the query: they may hold secrets.
 */
import { isIP } from 'node:net';
import type { ActorInput, AuditInput } from '../../sdk/index.ts';
import { at, idAt, identifier, pseudonym, requiredAt, slug, textAt, timeAt } from '../payload.ts';

const NAME_OF_SERVICE_ACCOUNT = /^system:serviceaccount:/;

/** Throws AuditError `invalid-event` for what is none. `id`: a stable id made of texts. */
export function mapKubernetesAudit(item: unknown, id: (...parts: string[]) => string): AuditInput {
  const auditId = requiredAt(item, 'auditID');
  const stage = requiredAt(item, 'stage');
  const verb = requiredAt(item, 'verb');
  const resource = [idAt(item, 'objectRef.resource'), idAt(item, 'objectRef.subresource')].filter(isText).join('-');
  const addresses = at(item, 'sourceIPs');
  const [client] = Array.isArray(addresses) ? addresses : [];
  return {
    id: id('kubernetes', auditId, stage),
    action: `kubernetes.${slug(resource) ?? 'api'}.${slug(verb) ?? 'call'}`,
    outcome: outcomeOf(item),
    occurredAt: timeAt(item, 'stageTimestamp') ?? timeAt(item, 'requestReceivedTimestamp'),
    actor: actorOf(item),
    targets: [targetOf(item, resource)],
    origin: { service: 'kubernetes' },
    request: {
      id: auditId,
      clientAddress: typeof client === 'string' && isIP(client) !== 0 ? client : undefined,
      userAgent: textAt(item, 'userAgent'),
    },
    attributes: {
      'kubernetes.stage': stage,
      'kubernetes.path': idAt(item, 'requestURI')?.replace(/[?#].*$/, ''),
      'kubernetes.api': [idAt(item, 'objectRef.apiGroup'), idAt(item, 'objectRef.apiVersion')].filter(isText).join('/'),
      'kubernetes.uid': idAt(item, 'objectRef.uid'),
      'kubernetes.status': idAt(item, 'responseStatus.code'),
      'kubernetes.decision': annotation(item, 'authorization.k8s.io/decision'),
      'kubernetes.rule': annotation(item, 'authorization.k8s.io/reason'),
    },
  };
}

const isText = (text: string | undefined): text is string => text !== undefined;

/** Annotations' names have dots, which are no paths. */
function annotation(item: unknown, name: string): string | undefined {
  const value = (at(item, 'annotations') as Record<string, unknown> | undefined)?.[name];
  return typeof value === 'string' ? identifier(value) : undefined;
}

function outcomeOf(item: unknown): 'success' | 'denied' | 'failure' {
  const code = Number(at(item, 'responseStatus.code') ?? 200);
  if (annotation(item, 'authorization.k8s.io/decision') === 'forbid' || code === 401 || code === 403) return 'denied';
  return code >= 400 || idAt(item, 'stage') === 'Panic' ? 'failure' : 'success';
}

/** `namespace/name` of a thing that may have neither; the path, where the request was about none. */
function targetOf(item: unknown, resource: string): { type: string; id: string } {
  if (resource === '') return { type: 'path', id: idAt(item, 'requestURI')?.replace(/[?#].*$/, '') ?? '/' };
  const named = [idAt(item, 'objectRef.namespace'), idAt(item, 'objectRef.name') ?? '*'].filter(isText).join('/');
  return { type: resource, id: named };
}

/** Whom the API server authenticated, on behalf of whom it impersonated. */
function actorOf(item: unknown): ActorInput {
  const { kind, id, name } = personOf(item, 'user') ?? { kind: 'machine' as const, id: 'system:anonymous' };
  const groups = at(item, 'user.groups');
  const other = personOf(item, 'impersonatedUser');
  return {
    kind,
    id,
    ...(name !== undefined && { name }),
    roles: Array.isArray(groups)
      ? groups
          .filter(group => typeof group === 'string')
          .flatMap(group => identifier(group) ?? [])
          .slice(0, 256)
      : [],
    ...(other && { onBehalfOf: [other] }),
  };
}

/** A human's name may be an address: then its uid, or a digest, stands for it. */
function personOf(item: unknown, path: string): { kind: 'human' | 'machine'; id: string; name?: string } | undefined {
  const username = idAt(item, `${path}.username`);
  if (username === undefined) return undefined;
  if (NAME_OF_SERVICE_ACCOUNT.test(username) || username.startsWith('system:'))
    return { kind: 'machine', id: username };
  const uid = idAt(item, `${path}.uid`);
  return {
    kind: 'human',
    id: uid === undefined ? pseudonym('kubernetes', username) : `kubernetes:${uid}`,
    name: username,
  };
}
