// An auditor with a spool before a transport in memory, and what a killed process leaves behind.
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { AuditorSettings } from '../../../../producers/sdk/auditor.ts';
import type { SpoolPlan } from '../../../../producers/sdk/spool/options.ts';
import { SpoolDelivery } from '../../../../producers/sdk/spool/spool-delivery.ts';
import { auditEventText } from '../../../../schemas/index.ts';
import { FakeTransport, fakeAuditor } from '../fake-transport.ts';

export interface SpoolingChanges {
  readonly settings?: Partial<AuditorSettings>;
  readonly plan?: Partial<SpoolPlan>;
  readonly transport?: FakeTransport;
}

export function spoolingAuditor(directory: string, { settings, plan, transport }: SpoolingChanges = {}) {
  const whole: SpoolPlan = { directory, maxBytes: 2_000_000, whenFull: 'fail', waitMs: 60_000, ...plan };
  const fake = transport ?? new FakeTransport();
  return fakeAuditor(settings, fake, all => new SpoolDelivery(fake, all, whole, auditEventText));
}

/** The directory as a process that is killed now would leave it, for another one to open. */
export function asIfKilled(directory: string): string {
  mkdirSync(directory, { recursive: true });
  const copy = mkdtempSync(`${directory}-`);
  for (const path of filesOf(directory, '')) {
    try {
      if (/\.(spool|sent)$/.test(path)) copyFileSync(path, join(copy, basename(path)));
    } catch {
      // Removed at this moment.
    }
  }
  return copy;
}

export const filesOf = (directory: string, end: string): string[] =>
  readdirSync(directory)
    .filter(name => name.endsWith(end))
    .sort()
    .map(name => join(directory, name));

export const bytesOf = (directory: string, end = '.spool'): number =>
  filesOf(directory, end).reduce((sum, path) => sum + readFileSync(path).length, 0);

/** Numbers of the events that a transport has taken, in order. */
export const numbersOf = (transport: FakeTransport, instance?: string): (number | undefined)[] =>
  transport.taken
    .filter(({ event }) => instance === undefined || event.producer?.instance === instance)
    .map(({ event }) => event.producer?.sequence);
