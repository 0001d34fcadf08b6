// A service, as a process: records events at a steady rate through the SDK and keeps a ledger of what became of each. SIGTERM: closes.
//
//   FAULTS_PRODUCER       its name
//   FAULTS_LEDGER         file of its ledger
//   FAULTS_RATE           events a second
//   FAULTS_KEYS           how many keys its events have
//   FAULTS_DELIVERY_MS    when an event is given up
// and the SDK's own variables.

import { setTimeout as delay } from 'node:timers/promises';
import { AuditError, createAuditor } from '../../producers/sdk/index.ts';
import { writeLedger } from './ledger.ts';

const { FAULTS_PRODUCER: name = '', FAULTS_LEDGER: path = '', FAULTS_RATE: rate = '100' } = process.env;
const keys = Number(process.env.FAULTS_KEYS ?? 20);
const ledger = writeLedger(path);
const auditor = createAuditor({
  service: name,
  deliveryTimeoutMs: Number(process.env.FAULTS_DELIVERY_MS ?? 60_000),
  requestTimeoutMs: 5000,
  onError: error => console.error(error.message),
  log: (level, message) => console.error(level, message),
});
ledger.instance(auditor.instance);

const tickMs = 20;
/** Fewer than the SDK's queue takes: an event that is turned away has no number, and ours would not be its own any more. */
const mostPending = 2000;

let isStopping = false;
process.once('SIGTERM', () => {
  isStopping = true;
});

async function record(number: number): Promise<void> {
  const key = `${name}-${number % keys}`;
  ledger.trying(number, key);
  try {
    await auditor.record({
      action: 'order.create',
      target: { type: 'order', id: key, changes: [{ field: 'total', before: null, after: number }] },
      reason: 'x'.repeat(number % 200),
      attributes: { 'ledger.producer': name, 'ledger.number': number },
    });
    ledger.settled(number, 'acknowledged');
  } catch (error) {
    const code = error instanceof AuditError ? error.code : '';
    if (code !== 'not-sent' && code !== 'unknown-outcome') throw error;
    ledger.settled(number, code === 'not-sent' ? 'failed' : 'unknown');
  }
}

let next = 0;
let owed = 0;
const under = new Set<Promise<void>>();
while (!isStopping) {
  owed = Math.min(owed + (Number(rate) * tickMs) / 1000, Number(rate));
  while (owed >= 1 && under.size < mostPending) {
    owed -= 1;
    const one: Promise<void> = record(next++).finally(() => under.delete(one));
    under.add(one);
  }
  await delay(tickMs);
}
await auditor.close({ timeoutMs: 90_000 });
await Promise.all(under);
ledger.ended();
