/**
 * A CloudTrail record (https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html), by itself or
 * in the `detail` of EventBridge's envelope, as an audit event. Parameters of requests and answers stay out: they may hold secrets.
 */
import { isIP } from 'node:net';
import type { ActorInput, AuditInput, TargetInput } from '../../sdk/index.ts';
import { at, idAt, isObject, listAt, pseudonym, requiredAt, slug, textAt, timeAt } from '../payload.ts';

const DENIED = /AccessDenied|Unauthorized|Forbidden|InvalidClientTokenId|SignatureDoesNotMatch/;
/** Of `userIdentity.type`: who may be a person. */
const HUMANS = new Set(['Root', 'IAMUser', 'SAMLUser', 'IdentityCenterUser', 'Directory', 'Unknown']);

/** Throws AuditError `invalid-event` for what is none. `id`: a stable id made of texts. */
export function mapCloudTrail(item: unknown, id: (...parts: string[]) => string): AuditInput {
  const record = isObject(item) && isObject(item.detail) ? item.detail : item;
  const eventId = requiredAt(record, 'eventID');
  const name = requiredAt(record, 'eventName');
  const source = requiredAt(record, 'eventSource');
  const address = idAt(record, 'sourceIPAddress') ?? '';
  return {
    id: id('cloudtrail', eventId),
    action: `${slug(source.replace(/\.amazonaws\.com$/, '')) ?? 'aws'}.${slug(wordsOf(name)) ?? 'call'}`,
    outcome: outcomeOf(record),
    occurredAt: timeAt(record, 'eventTime'),
    actor: actorOf(record),
    targets: targetsOf(record, item, source),
    origin: { service: source, region: idAt(record, 'awsRegion') },
    request: {
      id: idAt(record, 'requestID'),
      clientAddress: isIP(address) === 0 ? undefined : address,
      userAgent: textAt(record, 'userAgent'),
    },
    attributes: {
      'aws.account': idAt(record, 'recipientAccountId') ?? idAt(record, 'userIdentity.accountId'),
      'aws.event': name,
      'aws.identity': idAt(record, 'userIdentity.type'),
      'aws.access-key': idAt(record, 'userIdentity.accessKeyId'),
      'aws.invoked-by':
        idAt(record, 'userIdentity.invokedBy') ?? (isIP(address) === 0 ? address || undefined : undefined),
      'aws.mfa': mfaOf(record),
      'aws.error': idAt(record, 'errorCode'),
      'aws.read-only': booleanAt(record, 'readOnly'),
    },
  };
}

/** `RunInstances` as `Run-Instances`, `CreateDBInstance` as `Create-DB-Instance`. */
function wordsOf(name: string): string {
  return name.replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2').replaceAll(/([A-Z]+)([A-Z][a-z])/g, '$1-$2');
}

function outcomeOf(record: unknown): 'success' | 'denied' | 'failure' {
  const error = idAt(record, 'errorCode');
  if (error !== undefined) return DENIED.test(error) ? 'denied' : 'failure';
  return at(record, 'responseElements.ConsoleLogin') === 'Failure' ? 'denied' : 'success';
}

/** The things that it was done to, by their ARNs; else the service itself. */
function targetsOf(record: unknown, item: unknown, source: string): [TargetInput, ...TargetInput[]] {
  const found = new Map<string, TargetInput>();
  for (const resource of listAt(record, 'resources')) {
    const arn = idAt(resource, 'ARN');
    if (arn !== undefined) found.set(arn, { type: idAt(resource, 'type') ?? 'aws-resource', id: arn });
  }
  const listed = record === item ? [] : at(item, 'resources');
  for (const arn of Array.isArray(listed) ? listed : []) {
    const text = idAt({ arn }, 'arn');
    if (text !== undefined && !found.has(text)) found.set(text, { type: 'aws-resource', id: text });
  }
  const [first, ...rest] = [...found.values()].slice(0, 1000);
  return [first ?? { type: 'aws-service', id: source }, ...rest];
}

/** By the principal's id, which tells no name; a session's name, which may be an address, is the actor's. */
function actorOf(record: unknown): ActorInput {
  const type = idAt(record, 'userIdentity.type') ?? 'Unknown';
  const arn = idAt(record, 'userIdentity.arn');
  const [principal, session] = (idAt(record, 'userIdentity.principalId') ?? '').split(/:(.*)/s);
  const role = textAt(record, 'userIdentity.sessionContext.sessionIssuer.userName');
  const service = idAt(record, 'userIdentity.invokedBy');
  const id = principal || (arn === undefined ? service : pseudonym('arn', arn));
  const name = session ? [role, session].filter(Boolean).join('/') : textAt(record, 'userIdentity.userName');
  return {
    // Who signs in by the IAM Identity Center acts in a role of this name.
    kind: HUMANS.has(type) || role?.startsWith('AWSReservedSSO_') ? 'human' : 'machine',
    id: `aws:${id ?? pseudonym('type', type)}`,
    ...(name !== undefined && { name }),
  };
}

function mfaOf(record: unknown): boolean | undefined {
  const said = at(record, 'userIdentity.sessionContext.attributes.mfaAuthenticated');
  return said === undefined ? undefined : said === 'true' || said === true;
}

function booleanAt(record: unknown, path: string): boolean | undefined {
  const value = at(record, path);
  return typeof value === 'boolean' ? value : undefined;
}
