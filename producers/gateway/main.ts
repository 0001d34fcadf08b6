/** `npm run gateway`: wires, and says why it could not start. */
import { Counter, Gauge } from 'prom-client';
import { catalogueFiles, readCatalogues } from '../../core/edge/catalogue-files.ts';
import { createLifecycle } from '../../core/edge/lifecycle.ts';
import { createLog } from '../../core/edge/log.ts';
import { SettingsError } from '../../core/edge/settings-reader.ts';
import { createTelemetry } from '../../core/edge/telemetry.ts';
import { type Checker, createIdentifier, createOidcChecker, openApiKeyChecker } from '../identity/index.ts';
import { type AuditError, createAuditor, defineActions } from '../sdk/index.ts';
import { createGateway } from './http/app.ts';
import { type GatewaySettings, gatewaySettings } from './http/settings.ts';

const log = createLog('gateway', process.env);
const lifecycle = createLifecycle(log);
/** Below the patience of usual clients, who are told 503 rather than left waiting. */
const deliveryTimeoutMs = 10_000;
/** How long it is not ready after events that Kafka did not acknowledge: who is sent no requests never finds out that it is back. */
const awayMs = 30_000;

try {
  await start(gatewaySettings(process.env));
} catch (error) {
  if (error instanceof SettingsError) process.stderr.write(`${error.message}\n`);
  lifecycle.fatal(error instanceof Error ? error : new Error(String(error)));
}

async function start(settings: GatewaySettings): Promise<void> {
  let awayUntil = 0;
  const telemetry = createTelemetry({
    log,
    notReady: () => {
      if (lifecycle.stopping) return 'stopping';
      return Date.now() < awayUntil ? 'the last events were not acknowledged by Kafka' : null;
    },
  });
  lifecycle.onStop('telemetry', () => telemetry.close());
  const answers = new Counter({
    name: 'tidemark_gateway_answers_total',
    help: 'Answers to requests with events, by status',
    labelNames: ['status'],
    registers: [telemetry.registry],
  });
  const service = process.env.OTEL_SERVICE_NAME ?? 'gateway';
  const requestTimeoutMs = deliveryTimeoutMs / 2;
  const options = { service, deliveryTimeoutMs, requestTimeoutMs, spool: settings.spool, onError };
  const declarations = settings.actions && (await readCatalogues(await catalogueFiles(settings.actions)));
  const audit = createAuditor(declarations ? { ...options, actions: defineActions(declarations) } : options);
  new Gauge({
    name: 'tidemark_gateway_spooled_events',
    help: 'Events in the spool that Kafka has not acknowledged',
    registers: [telemetry.registry],
    collect() {
      this.set(audit.stats().spooled);
    },
  });
  lifecycle.onStop('auditor', () => audit.close({ timeoutMs: deliveryTimeoutMs }));
  const identifier = createIdentifier(await openCheckers(settings));
  lifecycle.onStop('identifier', async () => identifier.close());
  const app = createGateway({
    ...settings,
    audit,
    identifier,
    onAnswer: status => answers.inc({ status }),
    onDelivery: isDelivered => {
      awayUntil = isDelivered ? 0 : Date.now() + awayMs;
    },
    onError: error => log.error({ error }, 'a request failed'),
  });
  lifecycle.onStop('server', () => app.close());
  await telemetry.listen(settings.httpPort);
  const address = await app.listen({ host: '0.0.0.0', port: settings.port });
  log.info({ port: Number(new URL(address).port) }, 'running');
}

/** What no caller is told: without its spool the gateway could promise nothing. */
function onError(error: AuditError): void {
  if (error.code === 'spool-unusable') lifecycle.fatal(error);
  else log.error({ error }, 'events wait in the spool');
}

async function openCheckers({ apiKeys, oidc }: GatewaySettings): Promise<Checker[]> {
  const onBroken = (error: unknown) => log.error({ error }, 'the file of API keys is broken: the one before holds');
  return [
    ...(apiKeys === undefined ? [] : [await openApiKeyChecker({ file: apiKeys, onBroken })]),
    ...(oidc === undefined ? [] : [createOidcChecker(oidc)]),
  ];
}
