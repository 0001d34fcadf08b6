// What a program shows of itself, and how it ends.

import { pino } from 'pino';
import { Counter } from 'prom-client';
import { afterEach, expect, test } from 'vitest';
import { createLifecycle } from '../../../core/edge/lifecycle.ts';
import { createTelemetry, type Telemetry } from '../../../core/edge/telemetry.ts';

const log = pino({ level: 'silent' });
let telemetry: Telemetry | undefined;
afterEach(() => telemetry?.close());

test('alive is not ready; metrics are worked out when they are asked for, and shown even if that fails', async () => {
  let reason: string | null = 'recovering';
  let scrapes = 0;
  telemetry = createTelemetry({
    log,
    notReady: () => reason,
    beforeScrape: async () => {
      scrapes++;
      if (scrapes > 1) throw new Error('Kafka does not answer');
    },
  });
  new Counter({ name: 'some_total', help: 'some', registers: [telemetry.registry] }).inc(3);
  const base = `http://127.0.0.1:${await telemetry.listen(0)}`;
  expect((await fetch(`${base}/livez`)).status).toBe(200);
  const notReady = await fetch(`${base}/readyz`);
  expect([notReady.status, await notReady.json()]).toEqual([503, { status: 'recovering' }]);
  reason = null;
  expect((await fetch(`${base}/readyz`)).status).toBe(200);
  for (const asked of [1, 2]) {
    const metrics = await fetch(`${base}/metrics`);
    expect(metrics.headers.get('content-type')).toContain('text/plain');
    expect(await metrics.text()).toContain('some_total 3');
    expect(scrapes).toBe(asked);
  }
});

test('a fatal error closes what is open, the last first, once, and exits with 1', async () => {
  const closed: string[] = [];
  const { promise: exited, resolve } = Promise.withResolvers<number>();
  const lifecycle = createLifecycle(log, resolve);
  lifecycle.onStop('first', async () => void closed.push('first'));
  lifecycle.onStop('failing', () => Promise.reject(new Error('no')));
  lifecycle.onStop('last', async () => void closed.push('last'));
  lifecycle.fatal(new Error('over'));
  lifecycle.fatal(new Error('again'));
  expect(await exited).toBe(1);
  expect(lifecycle.stopping).toBe(true);
  expect(closed).toEqual(['last', 'first']);
});
