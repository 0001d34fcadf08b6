// A service that tells its events by OpenTelemetry's SDK, set up as its documentation has it: so many events, then a record that is none.
// `node otlp-service.mjs <url of the gateway> <API key> <events>`; what the SDK complains of goes to stderr.

import { DiagConsoleLogger, DiagLogLevel, diag } from '@opentelemetry/api';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';

const [, , url, key, events] = process.argv;
diag.setLogger(new DiagConsoleLogger(), DiagLogLevel.WARN);
const timeoutMillis = 60_000;
const headers = { authorization: `Bearer ${key}` };
const exporter = new OTLPLogExporter({ url: `${url}/v1/logs`, headers, timeoutMillis, compression: 'gzip' });
const provider = new LoggerProvider({
  resource: resourceFromAttributes({
    'service.name': 'billing',
    'service.version': '1.4.0',
    'deployment.environment.name': 'test',
  }),
  processors: [new BatchLogRecordProcessor({ exporter, exportTimeoutMillis: timeoutMillis })],
});
const logger = provider.getLogger('audit');
for (let n = 0; n < Number(events); n++) {
  logger.emit({
    eventName: 'invoice.cancel',
    attributes: {
      'audit.target.type': 'invoice',
      'audit.target.id': n,
      'user.id': 'u-77',
      'client.address': '203.0.113.7',
    },
    body: { items: [1, 2] },
  });
}
logger.emit({ body: 'started' });
await provider.shutdown();
