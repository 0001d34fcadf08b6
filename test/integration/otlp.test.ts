// OpenTelemetry's logs to the gateway as a program, while Kafka is away and once it is back.

import { expect, test } from 'vitest';
import { createFresh } from '../stack.ts';
import { billingKey, startDoor, startGateway } from './gateway-program.ts';
import { readRaw } from './sdk-topic.ts';

test('200 is said when Kafka has them, not before; from then on the gateway is ready again', async () => {
  const { raw } = await createFresh();
  const { file, key } = billingKey();
  const door = await startDoor();
  const env = { TIDEMARK_RAW_TOPIC: raw, TIDEMARK_API_KEYS: file, KAFKA_BROKERS: door.address };
  const { url, readiness } = await startGateway(env);
  const attributes = [
    { key: 'audit.target.type', value: { stringValue: 'invoice' } },
    { key: 'audit.target.id', value: { intValue: '7' } },
  ];
  const body = JSON.stringify({
    resourceLogs: [
      {
        scopeLogs: [{ logRecords: [{ eventName: 'invoice.cancel', timeUnixNano: '1767614400123456789', attributes }] }],
      },
    ],
  });
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
  const post = () => fetch(`${url}/v1/logs`, { method: 'POST', headers, body });

  expect(await readiness()).toBe(200);
  const away = await post();
  expect([away.status, away.headers.get('retry-after'), await away.json()]).toEqual([
    503,
    '5',
    { code: 14, message: expect.any(String) },
  ]);
  expect(await readiness()).toBe(503);
  door.open();
  const again = await post();
  expect([again.status, await again.text()]).toEqual([200, '{}']);
  expect(await readiness()).toBe(200);
  await post();
  const [first, second] = (await readRaw(raw, 2)).map(({ event }) => event);
  expect(first).toMatchObject({ occurredAt: 1_767_614_400_123_456, targets: [{ type: 'invoice', id: '7' }] });
  // What is sent again has the id of before.
  expect(second?.id).toBe(first?.id);
});
