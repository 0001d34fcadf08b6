// OpenTelemetry's own SDK and exporter, in a service of their own, against the gateway as a program.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createFresh } from '../stack.ts';
import { billingKey, startDoor, startGateway } from './gateway-program.ts';
import { readRaw } from './sdk-topic.ts';

test('whole batches of the exporter, zipped, are recorded under the identity that was checked', async () => {
  const { raw } = await createFresh();
  const { file, key } = billingKey();
  const { url } = await startGateway({ TIDEMARK_RAW_TOPIC: raw, TIDEMARK_API_KEYS: file });
  // A full batch of the SDK, and what is over.
  const count = 600;
  const before = Date.now();
  const complaints = await runService(url, key, count);
  // Of the one record that is no event, and of nothing else.
  expect(complaints.trim()).toMatch(/^[^\n]*"rejectedLogRecords":"1"[^\n]*eventName[^\n]*$/);

  const events = (await readRaw(raw, count)).map(({ event }) => event);
  expect(new Set(events.map(({ targets: [target] }) => `${target?.type}/${target?.id}`)).size).toBe(count);
  expect(new Set(events.map(({ id }) => id)).size).toBe(count);
  for (const event of events) {
    expect(event).toMatchObject({
      action: 'invoice.cancel',
      actor: {
        kind: 'machine',
        id: 'service/billing',
        credential: { method: 'api-key' },
        onBehalfOf: [{ id: 'u-77' }],
      },
      origin: { service: 'billing', version: '1.4.0', environment: 'test' },
      request: { clientAddress: '203.0.113.7' },
    });
    expect(event.occurredAt).toBeGreaterThan((before - 1000) * 1000);
    expect(event.attributes).toContainEqual({ key: 'otel.body', value: { type: 'json', text: '{"items":[1,2]}' } });
  }
});

test('the exporter sends again what was answered 503', async () => {
  const { raw } = await createFresh();
  const { file, key } = billingKey();
  const door = await startDoor();
  const env = { TIDEMARK_RAW_TOPIC: raw, TIDEMARK_API_KEYS: file, KAFKA_BROKERS: door.address };
  const { url, readiness } = await startGateway(env);
  const done = runService(url, key, 1);
  await vi.waitFor(async () => expect(await readiness()).toBe(503), { timeout: 30_000, interval: 200 });
  door.open();
  await done;
  expect(await readiness()).toBe(200);
  const [record] = await readRaw(raw, 1);
  expect(record?.event).toMatchObject({ action: 'invoice.cancel', targets: [{ type: 'invoice', id: '0' }] });
});

/** Runs a service to its end; what its SDK complained of. */
async function runService(url: string, key: string, events: number): Promise<string> {
  const program = fileURLToPath(new URL('otlp-service.mjs', import.meta.url));
  const service = spawn(process.execPath, [program, url, key, String(events)], {
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  onTestFinished(() => void service.kill('SIGKILL'));
  const [complaints, [code]] = await Promise.all([text(service.stderr), once(service, 'exit')]);
  expect(code).toBe(0);
  return complaints;
}
