// What a program shows of itself over HTTP: /livez (the process answers), /readyz (it does its work, or says what it lacks) and
// /metrics (Prometheus). Shared by the consumers.

import fastify from 'fastify';
import type { Logger } from 'pino';
import { collectDefaultMetrics, Registry } from 'prom-client';

export interface Telemetry {
  /** Where a program's `events.ts` registers its metrics. */
  readonly registry: Registry;
  /** Serves on a port (0: a free one); answers the one taken, which is logged too. */
  listen(port: number): Promise<number>;
  close(): Promise<void>;
}

export interface TelemetryOptions {
  readonly log: Logger;
  /** Why the program isn't ready; null: it is. */
  notReady(): string | null;
  /** Runs before metrics are shown: for gauges that are worked out when they are asked for. A failure is logged. */
  beforeScrape?(): Promise<void> | void;
}

export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { log } = options;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const app = fastify({ logger: false });
  app.get('/livez', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const reason = options.notReady();
    return reply.code(reason === null ? 200 : 503).send(reason === null ? { status: 'ok' } : { status: reason });
  });
  app.get('/metrics', async (_request, reply) => {
    try {
      await options.beforeScrape?.();
    } catch (error) {
      log.warn({ error }, 'some metrics are not up to date');
    }
    return reply.type(registry.contentType).send(await registry.metrics());
  });
  return {
    registry,
    listen: async port => {
      await app.listen({ host: '0.0.0.0', port });
      const address = app.server.address();
      const taken = typeof address === 'object' && address ? address.port : port;
      log.info({ port: taken }, 'serving /livez, /readyz and /metrics');
      return taken;
    },
    close: () => app.close(),
  };
}
