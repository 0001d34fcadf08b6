/**
 * The OpenAPI 3.1 document of the gateway, served at `/openapi.json`. Its examples are requests that the tests send, so each is one that is
 * accepted.
 */
import { logsOperation, logsSchemas } from './openapi-logs.ts';
import { OTLP_LOGS } from './otlp.ts';
import { cloudEventTypes, type EventRoute, eventRoutes } from './routes.ts';

const text = (description: string, more: object = {}) => ({ type: 'string', description, ...more });
const object = (properties: object, required: readonly string[] = [], description?: string) => ({
  type: 'object',
  properties,
  ...(required.length > 0 && { required }),
  ...(description !== undefined && { description }),
});
const list = (items: object, description?: string) => ({ type: 'array', items, ...(description && { description }) });
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const kind = { type: 'string', enum: ['human', 'machine', 'agent'] };

const schemas = {
  Event: {
    ...object(
      {
        action: text('What was done: a noun, then a verb, dotted and lower case.', { examples: ['invoice.cancel'] }),
        target: { ...ref('Target'), description: 'The thing that it was done to; or `targets`.' },
        targets: list(ref('Target'), 'Several, the main one first.'),
        outcome: { type: 'string', enum: ['success', 'denied', 'failure'], default: 'success' },
        id: text('Default: a new one.', { format: 'uuid' }),
        occurredAt: {
          description: 'A time with its zone, or microseconds since 1970. Default: now.',
          anyOf: [{ type: 'string', format: 'date-time' }, { type: 'integer' }],
        },
        tenant: text('Whose data it is about.'),
        actor: { ...ref('Actor'), description: 'On whose behalf the caller acts; the caller itself is the actor.' },
        origin: object(
          {
            service: text(''),
            version: text(''),
            commit: text(''),
            environment: text(''),
            region: text(''),
            host: text(''),
          },
          ['service'],
          'Default: the gateway.',
        ),
        request: object({
          id: text(''),
          traceParent: text('W3C trace context.'),
          clientAddress: text(''),
          userAgent: text(''),
        }),
        change: object({ perimeter: text(''), reference: text(''), run: text(''), approval: text('') }, ['perimeter']),
        reason: text('Why it was done.'),
        corrects: text('Id of an earlier event that this one corrects.'),
        attributes: { type: 'object', description: 'Keys and their values: any JSON.', additionalProperties: true },
      },
      ['action'],
    ),
    oneOf: [{ required: ['target'] }, { required: ['targets'] }],
    additionalProperties: false,
  },
  Target: object(
    {
      type: text('Such as `invoice`.'),
      id: text('Stable; of a person a pseudonym.'),
      name: text(''),
      person: { type: 'boolean', description: 'The thing is a person.' },
      changes: list(object({ field: text(''), before: {}, after: {} }, ['field'])),
    },
    ['type', 'id'],
  ),
  Actor: object(
    {
      kind,
      id: text('Stable and pseudonymous.'),
      name: text(''),
      onBehalfOf: list(object({ kind, id: text(''), name: text('') }, ['kind', 'id'])),
    },
    ['kind', 'id'],
  ),
  Result: object(
    {
      id: text('Of an event that was accepted.', { format: 'uuid' }),
      status: {
        type: 'string',
        enum: ['accepted', 'refused', 'not-recorded', 'unknown'],
        description: '`not-recorded`: send it again; `unknown`: Kafka may have it, send it again with the same id.',
      },
      problems: list(object({ field: text(''), found: text(''), expected: text('') }, ['field', 'found', 'expected'])),
      detail: text(''),
    },
    ['status'],
  ),
  Results: object({ results: list(ref('Result'), 'One for each event, in order.') }, ['results']),
  Problem: object(
    { type: text(''), title: text(''), status: { type: 'integer' }, detail: text(''), results: list(ref('Result')) },
    ['type', 'title', 'status', 'detail'],
    'RFC 9457',
  ),
};

/** What a route takes, by content type: a schema and an example. */
const requests: { readonly [url: string]: { readonly summary: string; readonly content: object } } = {
  '/v1/events': {
    summary: 'Record an event, or several.',
    content: {
      'application/json': {
        schema: { oneOf: [ref('Event'), list(ref('Event'))] },
        example: {
          action: 'invoice.cancel',
          target: { type: 'invoice', id: 'inv-1842' },
          reason: 'asked for by the customer',
        },
      },
    },
  },
  '/v1/cloudevents': {
    summary: 'Record CloudEvents 1.0: structured, batched, or binary (`ce-` headers, the body is the data).',
    content: Object.fromEntries(
      cloudEventTypes.map(type => {
        const one = {
          specversion: '1.0',
          id: 'A234',
          source: '/accounts',
          type: 'com.example.account.close',
          subject: 'a-1842',
        };
        const isBatch = type.includes('batch');
        return [
          type,
          { schema: isBatch ? list({ type: 'object' }) : { type: 'object' }, example: isBatch ? [one] : one },
        ];
      }),
    ),
  },
  '/v1/webhooks/kubernetes': {
    summary: 'Record audit events of Kubernetes: an `EventList` of `audit.k8s.io/v1`.',
    content: {
      'application/json': {
        schema: { type: 'object' },
        example: {
          kind: 'EventList',
          apiVersion: 'audit.k8s.io/v1',
          items: [
            {
              auditID: '4d2c8e4a-6f4b-4a2e-8c44-6a9f6d5f1f10',
              stage: 'ResponseComplete',
              verb: 'delete',
              user: { username: 'system:serviceaccount:shop:deployer' },
              objectRef: { resource: 'pods', namespace: 'shop', name: 'api-0' },
              responseStatus: { code: 200 },
            },
          ],
        },
      },
    },
  },
  '/v1/webhooks/cloudtrail': {
    summary: 'Record CloudTrail records: an event of EventBridge, a file of `Records`, or a record alone.',
    content: {
      'application/json': {
        schema: { type: 'object' },
        example: {
          'detail-type': 'AWS API Call via CloudTrail',
          resources: ['arn:aws:iam::111122223333:user/grace'],
          detail: {
            eventID: 'b4b3a1d0-0000-4000-8000-000000000002',
            eventName: 'DeleteUser',
            eventSource: 'iam.amazonaws.com',
            userIdentity: { type: 'IAMUser', principalId: 'AIDACKCEVSQ6C2EXAMPLE' },
          },
        },
      },
    },
  },
};

const answer = (description: string, name: 'Results' | 'Problem', more: object = {}) => ({
  description,
  content: { [name === 'Problem' ? 'application/problem+json' : 'application/json']: { schema: ref(name) } },
  ...more,
});
const retry = { headers: { 'Retry-After': { schema: { type: 'integer' }, description: 'Seconds.' } } };
const responses = {
  202: answer('All are recorded.', 'Results'),
  207: answer('Some are recorded; `results` say of each.', 'Results'),
  400: answer('No JSON, no event and no list, nested too deeply.', 'Problem'),
  401: answer('No credential, or one that fails its check.', 'Problem'),
  403: answer('A credential without the role that is demanded.', 'Problem'),
  413: answer('Too many bytes or events.', 'Problem'),
  415: answer('Another content type.', 'Problem'),
  422: answer('No event keeps the rules, or another body under the same Idempotency-Key.', 'Problem'),
  429: answer('Too many events a second of this caller.', 'Problem', retry),
  503: answer('Not all are acknowledged.', 'Problem', retry),
};

function operationOf({ url }: EventRoute): object {
  const { summary = '', content = {} } = requests[url] ?? {};
  const key = {
    name: 'Idempotency-Key',
    in: 'header',
    description: 'The same key and body are answered alike for an hour, and recorded once.',
    schema: { type: 'string', pattern: '^[!-~]{1,255}$' },
  };
  return { summary, parameters: [key], requestBody: { required: true, content }, responses };
}

export const openApi: object = {
  openapi: '3.1.0',
  info: {
    title: 'Tidemark gateway',
    version: '1',
    description: 'Takes audit events over HTTP, under the checked identity of the caller.',
  },
  security: [{ bearer: [] }, { apiKey: [] }],
  paths: {
    ...Object.fromEntries(eventRoutes.map(route => [route.url, { post: operationOf(route) }])),
    [OTLP_LOGS]: { post: logsOperation },
  },
  components: {
    schemas: { ...schemas, ...logsSchemas },
    securitySchemes: {
      bearer: { type: 'http', scheme: 'bearer', description: 'An API key, or a token of the issuer.' },
      apiKey: { type: 'apiKey', in: 'header', name: 'X-Api-Key' },
    },
  },
};
