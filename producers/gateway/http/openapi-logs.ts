/** What the OpenAPI document says of OpenTelemetry's logs: a part of the protocol's own schema. Its example is one that is accepted. */

const keyValues = { type: 'array', items: { type: 'object', required: ['key'] } };
const listOf = (items: object) => ({ type: 'array', items });
const nanos = { anyOf: [{ type: 'string', pattern: '^[0-9]+$' }, { type: 'integer' }] };

const LogRecord = {
  type: 'object',
  properties: {
    eventName: {
      type: 'string',
      description: 'The action. Records that have neither this nor `event.name` are rejected.',
    },
    timeUnixNano: nanos,
    observedTimeUnixNano: nanos,
    attributes: keyValues,
    body: { type: 'object' },
    traceId: { type: 'string' },
    spanId: { type: 'string' },
    flags: { type: 'integer' },
  },
};

export const logsSchemas = {
  Logs: {
    type: 'object',
    description: 'ExportLogsServiceRequest. Whatever else OTLP has is taken and left out.',
    properties: {
      resourceLogs: listOf({
        type: 'object',
        properties: {
          resource: { type: 'object', properties: { attributes: keyValues } },
          scopeLogs: listOf({ type: 'object', properties: { logRecords: listOf(LogRecord) } }),
        },
      }),
    },
  },
  LogsResponse: {
    type: 'object',
    description: 'ExportLogsServiceResponse',
    properties: {
      partialSuccess: {
        type: 'object',
        properties: { rejectedLogRecords: { type: 'string' }, errorMessage: { type: 'string' } },
      },
    },
  },
  Status: {
    type: 'object',
    description: 'google.rpc.Status',
    properties: { code: { type: 'integer' }, message: { type: 'string' } },
  },
};

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const example = {
  resourceLogs: [
    {
      resource: { attributes: [text('service.name', 'billing'), text('service.version', '1.4.0')] },
      scopeLogs: [
        {
          scope: { name: 'billing.audit' },
          logRecords: [
            {
              timeUnixNano: '1767614400000000000',
              eventName: 'invoice.cancel',
              attributes: [text('audit.target.type', 'invoice'), text('audit.target.id', 'inv-1842')],
            },
          ],
        },
      ],
    },
  ],
};

const json = (description: string, name: 'LogsResponse' | 'Status', more: object = {}) => ({
  description,
  content: { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } },
  ...more,
});
const retry = { headers: { 'Retry-After': { schema: { type: 'integer' }, description: 'Seconds.' } } };

export const logsOperation = {
  summary: 'Record log records of OpenTelemetry that are events (OTLP/HTTP, JSON).',
  parameters: [{ name: 'Content-Encoding', in: 'header', schema: { type: 'string', enum: ['gzip', 'identity'] } }],
  requestBody: {
    required: true,
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Logs' }, example } },
  },
  responses: {
    200: json('All are recorded but those that `partialSuccess` counts.', 'LogsResponse'),
    400: json('No JSON, or no request of OTLP.', 'Status'),
    401: json('No credential, or one that fails its check.', 'Status'),
    403: json('A credential without the role that is demanded.', 'Status'),
    413: json('Too many bytes or records.', 'Status'),
    415: json('Another content type, such as protobuf, or another encoding than gzip.', 'Status'),
    429: json('Too many records a second of this caller.', 'Status', retry),
    503: json('Not all are acknowledged.', 'Status', retry),
  },
};
