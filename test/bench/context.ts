// What `record` costs its caller with everything on but the way to Kafka: scope, trace, checks, masks, id, number, encoding, and the
// promise. Without servers, since those cost more than what is measured here.

import { type Auditor, auditorOver } from '../../producers/sdk/auditor.ts';
import type { AuditInput, AuditScope } from '../../producers/sdk/index.ts';
import { resolveOptions } from '../../producers/sdk/options.ts';
import type { Transport } from '../../producers/sdk/transport.ts';
import { type Bench, type BenchOptions, print } from './bench.ts';
import { collectGarbage } from './garbage.ts';
import { interleave, median } from './statistics.ts';

const together = 250;
const promisedMicros = 10;

/** Takes everything, at no cost. */
const nowhere: Transport = {
  open: async () => undefined,
  partitionOf: () => 0,
  send: async () => undefined,
  hold: () => undefined,
  close: async () => undefined,
};

const scope: AuditScope = {
  actor: { kind: 'human', id: 'u-1842', name: 'Ada Lovelace', email: 'ada@shop.example', roles: ['finance'] },
  request: {
    id: 'req-7',
    traceParent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    clientAddress: '192.0.2.7',
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
  },
};
const changes = [{ field: 'refundedCents', before: 0, after: 500 }];
const event: AuditInput = { action: 'order.refund', target: { type: 'order', id: 'o-42', changes } };

async function recordAll(auditor: Auditor, input: AuditInput, events: number): Promise<number> {
  collectGarbage();
  const { user, system } = process.cpuUsage();
  for (let at = 0; at < events; at += together) {
    await Promise.all(Array.from({ length: together }, () => auditor.record(input)));
  }
  const after = process.cpuUsage();
  return (after.user + after.system - user - system) / events;
}

async function run({ repetitions = 15, events = 20_000 }: BenchOptions): Promise<void> {
  const auditor = auditorOver(nowhere, resolveOptions({ service: 'orders', transport: 'console' }, {}).auditor);
  const cases = new Map([
    ['event alone', () => recordAll(auditor, event, events)],
    ['all in the event', () => recordAll(auditor, { ...event, ...scope }, events)],
    ['in a scope', () => auditor.with(scope, () => recordAll(auditor, event, events))],
  ]);
  const figures = await interleave(cases, repetitions, 5);
  print(`${repetitions} times ${events} events, ${together} at a time, µs of CPU an event\n`);
  for (const [name, micros] of figures) print(`${name.padEnd(16)} ${median(micros).toFixed(1).padStart(5)}`);
  const found = median(figures.get('in a scope') ?? []);
  const verdict = found < promisedMicros ? 'kept' : 'NOT KEPT';
  print(`\nrecord in a scope is ${found.toFixed(1)} µs, promised under ${promisedMicros}: ${verdict}`);
}

export const bench: Bench = { name: 'context', run };
