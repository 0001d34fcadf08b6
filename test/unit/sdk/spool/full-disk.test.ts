// A disk that takes a part of what is written and then no more: none of that group is acknowledged, none of it is sent, and the next finds
// its way. The limit is the system's own (`ulimit -f`), so the short write and the error are real.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { temporaryFolder } from '../../../temporary.ts';
import { filesOf, spoolingAuditor } from './spooling.ts';

const program = new URL('full-disk.ts', import.meta.url).pathname;

test('what was acknowledged is on disk, what was refused is not, and numbers that were given up are said to be', async () => {
  const directory = join(temporaryFolder(), 'spool');
  // Without the trap the signal would end the process before the error is seen. A block of dash is 512 bytes, one of bash 1024.
  const limited = `trap '' XFSZ; ulimit -f 80; exec "$0" "$@"`;
  const ran = spawnSync('/bin/sh', ['-c', limited, process.execPath, program, directory], { encoding: 'utf8' });
  expect([ran.stderr, ran.signal]).toEqual(['', 'SIGKILL']);
  const outcomes: string[] = JSON.parse(ran.stdout);
  const acknowledged = outcomes.filter(one => one !== 'not-sent');
  expect([outcomes.length, acknowledged.length > 5, acknowledged.length < 20]).toEqual([20, true, true]);
  expect(filesOf(directory, '.spool').length).toBeGreaterThan(2);

  const { auditor, transport } = spoolingAuditor(directory);
  await vi.waitUntil(() => transport.taken.length === acknowledged.length, { timeout: 20_000, interval: 1 });
  await auditor.close();
  expect(new Set(transport.taken.map(({ event }) => event.id))).toEqual(new Set(acknowledged));
  const abandoned = transport.taken.flatMap(({ event }) => event.producer?.abandoned ?? []);
  const given = outcomes.flatMap((one, n) => (one === 'not-sent' ? [n] : []));
  const listed = abandoned.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, i) => first + i));
  // The last ones may have nobody to list them any more.
  const lastTaken = Math.max(...transport.taken.map(({ event }) => event.producer?.sequence ?? 0));
  expect(listed.toSorted((a, b) => a - b)).toEqual(given.filter(n => n < lastTaken));
});
