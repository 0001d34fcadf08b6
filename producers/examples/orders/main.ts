// `node producers/examples/orders/main.ts`: the example service, on `PORT` (any free one without it).
// Kafka and the registry come from the environment, as for every user of the SDK.

import { createAuditor } from '../../sdk/index.ts';
import { ordersApp } from './app.ts';

const audit = createAuditor({
  service: 'orders',
  environment: 'demo',
  onError: error => console.error(`not recorded: ${error.message}`),
  log: (level, message) => console.error(`${level}: ${message}`),
});
const app = ordersApp(audit);
console.log(`orders listens on ${await app.listen({ port: Number(process.env.PORT ?? 0), host: '127.0.0.1' })}`);

// First no more requests, then what waits is sent and the instance says that it ends: the auditor sees a clean end.
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, async () => {
    await app.close();
    await audit.close();
  });
}
