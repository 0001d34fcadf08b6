// A ledger as it is after SIGKILL: what has no outcome is unknown, and a line that is cut off says nothing.
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readLedger, writeLedger } from '../../faults/ledger.ts';
import { temporaryFolder } from '../../temporary.ts';

it('is read as far as it was written', () => {
  const path = join(temporaryFolder(), 'ledger');
  const writer = writeLedger(path);
  writer.instance('i-1');
  for (const number of [0, 1, 2, 3]) writer.trying(number, `k${number % 2}`);
  writer.settled(1, 'failed');
  writer.settled(0, 'acknowledged');
  writer.settled(2, 'unknown');
  appendFileSync(path, 'A 3');
  const ledger = readLedger(path, 'p');
  expect(ledger).toMatchObject({ producer: 'p', instances: ['i-1'], ended: false });
  expect([...ledger.entries.values()]).toEqual([
    { key: 'k0', outcome: 'acknowledged' },
    { key: 'k1', outcome: 'failed' },
    { key: 'k0', outcome: 'unknown' },
    { key: 'k1', outcome: 'unknown' },
  ]);
});

it('says that its producer ended', () => {
  const path = join(temporaryFolder(), 'ledger');
  const writer = writeLedger(path);
  writer.instance('i-1');
  writer.ended();
  expect(readLedger(path, 'p')).toMatchObject({ ended: true });
});
