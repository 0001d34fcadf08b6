// Forms of other systems, as their documentation has them: Kubernetes' audit events, CloudTrail's records, CloudEvents. Each becomes an
// event whose id is the same whenever it comes again.

import { expect, test } from 'vitest';
import { world } from './world.ts';

const review = {
  kind: 'Event',
  apiVersion: 'audit.k8s.io/v1',
  level: 'RequestResponse',
  auditID: '4d2c8e4a-6f4b-4a2e-8c44-6a9f6d5f1f10',
  stage: 'ResponseComplete',
  requestURI: '/api/v1/namespaces/shop/secrets/db?token=s3cr3t',
  verb: 'update',
  user: { username: 'ada@example.org', uid: 'u-77', groups: ['developers', 'system:authenticated'] },
  impersonatedUser: { username: 'system:serviceaccount:shop:deployer' },
  sourceIPs: ['203.0.113.7', '10.0.0.1'],
  userAgent: 'kubectl/v1.31.0',
  objectRef: { resource: 'secrets', namespace: 'shop', name: 'db', uid: 'o-1', apiVersion: 'v1', resourceVersion: '7' },
  responseStatus: { metadata: {}, code: 200 },
  requestObject: { data: { password: 'aHVudGVyMg==' } },
  requestReceivedTimestamp: '2026-01-05T12:00:00.000001Z',
  stageTimestamp: '2026-01-05T12:00:00.250000Z',
  annotations: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': 'RBAC: allowed' },
};
const listOf = (...items: object[]) => ({ kind: 'EventList', apiVersion: 'audit.k8s.io/v1', metadata: {}, items });

test('Kubernetes: who did what to which thing, and no body and no query', async () => {
  const { audit, postTo } = await world();
  const post = (body: unknown) => postTo('/v1/webhooks/kubernetes', body);
  const exec = {
    ...review,
    verb: 'create',
    user: { username: 'system:serviceaccount:shop:bot' },
    impersonatedUser: undefined,
    objectRef: { resource: 'pods', subresource: 'exec', namespace: 'shop', name: 'api-0' },
    responseStatus: { code: 403 },
    annotations: { 'authorization.k8s.io/decision': 'forbid' },
    stage: 'Panic',
  };
  expect((await post(listOf(review, exec))).statusCode).toBe(202);
  expect(audit.events).toMatchObject([
    {
      action: 'kubernetes.secrets.update',
      outcome: 'success',
      occurredAt: new Date('2026-01-05T12:00:00.250Z'),
      actor: {
        kind: 'human',
        id: 'kubernetes:u-77',
        name: 'ada@example.org',
        roles: ['developers', 'system:authenticated'],
        onBehalfOf: [{ kind: 'machine', id: 'system:serviceaccount:shop:deployer' }],
      },
      target: { type: 'secrets', id: 'shop/db' },
      origin: { service: 'kubernetes' },
      request: { id: review.auditID, clientAddress: '203.0.113.7', userAgent: 'kubectl/v1.31.0' },
      attributes: {
        'kubernetes.path': '/api/v1/namespaces/shop/secrets/db',
        'kubernetes.decision': 'allow',
        'gateway.reported-by': 'service/billing',
      },
    },
    { action: 'kubernetes.pods-exec.create', outcome: 'denied', actor: { kind: 'machine' } },
  ]);
  const all = JSON.stringify(audit.events);
  for (const secret of ['s3cr3t', 'aHVudGVyMg']) expect(all).not.toContain(secret);
  await post(review);
  expect(audit.events[2]?.id).toBe(audit.events[0]?.id);
  expect(audit.events[1]?.id).not.toBe(audit.events[0]?.id);
});

const record = {
  eventVersion: '1.11',
  userIdentity: {
    type: 'AssumedRole',
    principalId: 'AROAIDPPEZS35WEXAMPLE:ada@example.org',
    arn: 'arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin/ada@example.org',
    accountId: '111122223333',
    accessKeyId: 'ASIAIOSFODNN7EXAMPLE',
    sessionContext: {
      sessionIssuer: { type: 'Role', principalId: 'AROAIDPPEZS35WEXAMPLE', userName: 'AWSReservedSSO_Admin' },
      attributes: { creationDate: '2026-01-05T11:00:00Z', mfaAuthenticated: 'true' },
    },
  },
  eventTime: '2026-01-05T12:00:00Z',
  eventSource: 'rds.amazonaws.com',
  eventName: 'CreateDBInstance',
  awsRegion: 'eu-central-1',
  sourceIPAddress: '203.0.113.7',
  userAgent: 'aws-cli/2.15',
  requestParameters: { masterUserPassword: 'hunter2' },
  responseElements: null,
  requestID: 'b4b3a1d0-0000-4000-8000-000000000001',
  eventID: 'b4b3a1d0-0000-4000-8000-000000000002',
  readOnly: false,
  resources: [
    { ARN: 'arn:aws:rds:eu-central-1:111122223333:db:orders', accountId: '111122223333', type: 'AWS::RDS::DBInstance' },
  ],
  eventType: 'AwsApiCall',
  managementEvent: true,
  recipientAccountId: '111122223333',
};

test('CloudTrail: by EventBridge, as a file of records, or alone', async () => {
  const { audit, postTo } = await world();
  const post = (body: unknown) => postTo('/v1/webhooks/cloudtrail', body);
  const envelope = {
    version: '0',
    id: 'e-1',
    'detail-type': 'AWS API Call via CloudTrail',
    source: 'aws.iam',
    account: '111122223333',
    time: '2026-01-05T12:00:01Z',
    region: 'us-east-1',
    resources: ['arn:aws:iam::111122223333:user/grace'],
    detail: {
      ...record,
      eventID: 'b4b3a1d0-0000-4000-8000-000000000003',
      eventSource: 'iam.amazonaws.com',
      eventName: 'DeleteUser',
      errorCode: 'AccessDenied',
      userIdentity: {
        type: 'IAMUser',
        principalId: 'AIDACKCEVSQ6C2EXAMPLE',
        userName: 'grace',
        invokedBy: 'AWS Internal',
      },
      sourceIPAddress: 'cloudformation.amazonaws.com',
      resources: undefined,
    },
  };
  expect((await post({ Records: [record] })).statusCode).toBe(202);
  expect((await post(envelope)).statusCode).toBe(202);
  expect(audit.events).toMatchObject([
    {
      action: 'rds.create-db-instance',
      outcome: 'success',
      actor: { kind: 'human', id: 'aws:AROAIDPPEZS35WEXAMPLE', name: 'AWSReservedSSO_Admin/ada@example.org' },
      target: { type: 'AWS::RDS::DBInstance', id: record.resources[0]?.ARN },
      origin: { service: 'rds.amazonaws.com', region: 'eu-central-1' },
      request: { id: record.requestID, clientAddress: '203.0.113.7' },
      attributes: { 'aws.account': '111122223333', 'aws.mfa': true, 'aws.read-only': false },
    },
    {
      action: 'iam.delete-user',
      outcome: 'denied',
      actor: { kind: 'human', id: 'aws:AIDACKCEVSQ6C2EXAMPLE', name: 'grace' },
      target: { type: 'aws-resource', id: 'arn:aws:iam::111122223333:user/grace' },
      attributes: { 'aws.error': 'AccessDenied', 'aws.invoked-by': 'AWS Internal' },
    },
  ]);
  expect(JSON.stringify(audit.events)).not.toContain('hunter2');
  await post(record);
  expect(audit.events[2]?.id).toBe(audit.events[0]?.id);
});

const cloudEvent = {
  specversion: '1.0',
  type: 'com.example.Account.Closed',
  source: '/services/accounts',
  subject: 'a-1842',
  id: 'A234-1234-1234',
  time: '2026-01-05T17:31:00Z',
  partitionkey: 'acme',
  data: { by: 'batch', count: 2 },
};

test('CloudEvents: structured, batched and binary are one event; data may be an audit event itself', async () => {
  const { audit, postTo } = await world();
  const post = (type: string, body: unknown, headers = {}) =>
    postTo('/v1/cloudevents', body, { 'content-type': type, ...headers });
  expect((await post('application/cloudevents+json', cloudEvent)).statusCode).toBe(202);
  expect((await post('application/cloudevents-batch+json; charset=utf-8', [cloudEvent])).statusCode).toBe(202);
  const { data, ...context } = cloudEvent;
  const headers = Object.fromEntries(Object.entries(context).map(([name, value]) => [`ce-${name}`, value]));
  expect((await post('application/json', data, headers)).statusCode).toBe(202);
  const [first, ...others] = audit.events;
  expect(first).toMatchObject({
    action: 'com.example.account.closed',
    occurredAt: new Date('2026-01-05T17:31:00Z'),
    actor: { id: 'service/billing' },
    target: { type: 'subject', id: 'a-1842' },
    request: { id: 'A234-1234-1234' },
    attributes: {
      'cloudevents.source': '/services/accounts',
      'cloudevents.type': 'com.example.Account.Closed',
      'cloudevents.partitionkey': 'acme',
      data: { by: 'batch', count: 2 },
    },
  });
  for (const other of others) expect(other).toEqual({ ...first, actor: other.actor });
  const own = { action: 'invoice.cancel', target: { type: 'invoice', id: 'i-7' }, outcome: 'denied' };
  await post('application/cloudevents+json', { ...cloudEvent, data: own });
  expect(audit.events[3]).toMatchObject({ ...own, id: first?.id, occurredAt: first?.occurredAt });
});

test('an item that is none is refused, with what it lacks, and the others are recorded', async () => {
  const { audit, postTo } = await world();
  const cases: [string, string, unknown, string][] = [
    ['/v1/webhooks/kubernetes', 'application/json', listOf(review, { kind: 'Event' }), 'auditID'],
    ['/v1/webhooks/cloudtrail', 'application/json', [record, { detail: {} }], 'eventID'],
    [
      '/v1/cloudevents',
      'application/cloudevents-batch+json',
      [cloudEvent, { ...cloudEvent, specversion: '0.3' }],
      'specversion',
    ],
  ];
  for (const [url, type, body, field] of cases) {
    const answer = await postTo(url, body, { 'content-type': type });
    expect(answer.statusCode).toBe(207);
    expect(answer.json().results).toMatchObject([{ status: 'accepted' }, { status: 'refused', problems: [{ field }] }]);
    expect((await postTo(url, body, { authorization: '', 'content-type': type })).statusCode).toBe(401);
  }
  expect(audit.events).toHaveLength(3);
  expect((await postTo('/v1/webhooks/kubernetes', listOf())).statusCode).toBe(400);
});
