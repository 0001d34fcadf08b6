// The long form: FUZZED_BODIES=100000 npm test -- --project unit test/unit/gateway/fuzz.test.ts

import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { fuzzedRoutes, fuzzGateway } from '../../fuzz/gateway.ts';
import { exampleOfWebhooks } from './webhooks-file.ts';
import { world } from './world.ts';

test('no body makes a route fail, and what is accepted is recorded', async () => {
  const { audit, postTo } = await world({ rate: 10_000_000, maxEvents: 5, webhooks: exampleOfWebhooks() });
  let deliveries = 0;
  const gateway = {
    ask: async (url: string, payload: string, headers: Record<string, string>) => {
      const signature = `sha256=${createHmac('sha256', 'alerts').update(payload).digest('hex')}`;
      deliveries += 1;
      const delivery = { 'x-signature-256': signature, 'x-delivery-id': String(deliveries) };
      const { statusCode, payload: body } = await postTo(url, payload, { ...headers, ...delivery });
      return { status: statusCode, body };
    },
    recorded: () => audit.events,
  };
  const statuses = await fuzzGateway(gateway, Number(process.env.FUZZED_BODIES ?? 2000), 11);
  expect(fuzzedRoutes.length).toBeGreaterThan(3);
  for (const status of [200, 202, 207, 400, 415, 422])
    expect(statuses.get(status), `answers ${status}`).toBeGreaterThan(0);
}, 600_000);
