// How long what is kept: durations, classes, what a segment's events demand, and that all that proves it outlives it.

import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../../../consumers/archiver/config.ts';
import { parseClasses } from '../../../consumers/archiver/retention-classes.ts';
import { RetentionDemand } from '../../../consumers/archiver/retention-demand.ts';
import { generatePem } from '../../../core/edge/crypto.ts';
import { parseKeep, parseRetention } from '../../../core/edge/retention.ts';
import { auditRecordText, auditRecordType } from '../../../schemas/index.ts';
import { makeTestSchema } from '../../archive-events.ts';
import { attribute, type Kept, recordOf } from '../../retention-runs.ts';
import { dayMs, LivingArchive, tenDays } from './retention-world.ts';
import { start } from './world.ts';

describe('how long', () => {
  test('years are as long as so many years of the calendar can be', () => {
    expect(parseKeep('P400D').ms).toBe(400 * dayMs);
    for (const years of [1, 2, 3, 4, 5, 7, 8, 10, 30, 100]) {
      const longest = Math.max(
        ...Array.from({ length: 400 }, (_, i) => Date.UTC(2000 + i + years, 1, 1) - Date.UTC(2000 + i, 1, 1)),
      );
      expect(parseKeep(`P${years}Y`).ms).toBe(longest);
    }
  });
  test.each(['P0Y', 'P101Y', 'P1Y6M', 'P1Y2D', '7Y', 'P', 'P1W', ''])('%j is none', text => {
    expect(() => parseKeep(text)).toThrow();
  });
  test('with its mode, or a trial', () => {
    expect(parseRetention('COMPLIANCE P7Y')).toMatchObject({ mode: 'COMPLIANCE', isTrial: false });
    expect(parseRetention('GOVERNANCE  PT1H')).toMatchObject({ mode: 'GOVERNANCE', isTrial: false });
    expect(parseRetention('trial')).toMatchObject({ mode: 'GOVERNANCE', duration: { ms: dayMs }, isTrial: true });
    for (const text of ['P400D', 'compliance P400D', 'COMPLIANCE', 'trial P1D', 'COMPLIANCE P1D P2D'])
      expect(() => parseRetention(text)).toThrow();
  });
});

const file = `
classes:
  - { name: payments, keep: P7Y, action: ['payment.*', account.close] }
  - { name: bank, keep: P30D, tenant: bank-* }
  - { name: tax, keep: P10Y, tenant: bank-7, tag: [retention=tax-*, held] }
`;
const classes = parseClasses(file, tenDays);
const demand = new RetentionDemand(classes);

const raw = { topic: 'audit.raw', generation: 0, partition: 0, offset: 0 };
const datumOf = (kept: Kept) => auditRecordType().encode(recordOf(kept, raw, start));
const keptFor = (...events: Kept[]) => demand.of(auditRecordText, events.map(datumOf));

const settings = {
  KAFKA_BROKERS: 'localhost:9092',
  SCHEMA_REGISTRY_URL: 'http://localhost:8081',
  S3_BUCKET: 'evidence',
  TIDEMARK_ORIGIN: 'tidemark.test/archive',
  TIDEMARK_RETENTION: 'COMPLIANCE P10D',
  TIDEMARK_LOG_KEY: generatePem(),
  TIDEMARK_SEAL_KEY: generatePem(),
};

describe('classes', () => {
  test.each<[string, Kept, string | null]>([
    ['of no class', { action: 'order.create', tenant: 'shop' }, null],
    ['by action', { action: 'payment.refund' }, 'P7Y'],
    ['by one of several actions', { action: 'account.close' }, 'P7Y'],
    ['a glob matches the whole', { action: 'repayment.refund' }, null],
    ['by tenant', { tenant: 'bank-1' }, 'P30D'],
    ['the longest of several', { action: 'payment.make', tenant: 'bank-1' }, 'P7Y'],
    ['by tag and tenant, both', { tenant: 'bank-7', attributes: [attribute('retention', 'tax-de')] }, 'P10Y'],
    ['by tag alone: not', { attributes: [attribute('retention', 'tax-de')] }, null],
    ['another value', { tenant: 'bank-7', attributes: [attribute('retention', 'none')] }, 'P30D'],
    ['a value that is encrypted counts', { tenant: 'bank-7', attributes: [attribute('retention', null)] }, 'P10Y'],
    ['a tag by its key', { tenant: 'bank-7', attributes: [attribute('held', 'x')] }, 'P10Y'],
  ])('%s', (_, event, expected) => {
    expect(keptFor(event)).toBe(expected === null ? 0 : parseKeep(expected).ms);
  });

  test('the example for operators is one', () => {
    const page = readFileSync(new URL('../../../docs/operating.md', import.meta.url), 'utf8');
    const [, example = ''] = /```yaml\n([^`]*)```/.exec(page) ?? [];
    const [payments, health] = parseClasses(example, parseKeep('P400D'));
    expect(payments?.matches({ action: 'payment.refund', tenant: null, attributes: [] })).toBe(true);
    const patient = { action: 'x.read', tenant: 'clinic-3', attributes: [{ key: 'patient', value: 'u-1' }] };
    expect(health?.matches(patient)).toBe(true);
    expect(health?.matches({ ...patient, tenant: 'shop' })).toBe(false);
  });

  test('a file that is missing or wrong is among the settings that are', () => {
    const wrong = (path: string) => () => readConfig({ ...settings, TIDEMARK_RETENTION_CLASSES: path });
    const folder = mkdtempSync(join(tmpdir(), 'classes-'));
    const fileOf = (text: string) => {
      writeFileSync(join(folder, 'retention.yaml'), text);
      return join(folder, 'retention.yaml');
    };
    expect(readConfig(settings).classes).toEqual([]);
    expect(readConfig({ ...settings, TIDEMARK_RETENTION_CLASSES: fileOf(file) }).classes).toHaveLength(3);
    expect(wrong(join(folder, 'none.yaml'))).toThrow(/TIDEMARK_RETENTION_CLASSES: found .*none\.yaml: ENOENT/);
    expect(wrong(fileOf('classes: [{ name: a, keep: P9D, tag: x }]'))).toThrow(
      'expected at least TIDEMARK_RETENTION (P10D)',
    );
  });

  test('of a segment the longest counts, and what can not be read may be long', () => {
    expect(keptFor({}, { tenant: 'bank-1' }, {})).toBe(30 * dayMs);
    expect(demand.longestMs).toBe(parseKeep('P10Y').ms);
    expect(demand.of(auditRecordText, [new Uint8Array([7])])).toBe(demand.longestMs);
  });

  test('an event of another schema is read by that schema', () => {
    const further = [{ name: 'later', type: ['null', 'long'], default: null }];
    const schema = JSON.parse(auditRecordText) as { fields: object[] };
    const newer = JSON.stringify({ ...schema, fields: [...further, ...schema.fields] });
    const datum = Buffer.concat([Buffer.from([0]), datumOf({ action: 'payment.make' })]);
    expect(demand.of(newer, [datum])).toBe(parseKeep('P7Y').ms);
    const bare = makeTestSchema('AuditRecord');
    expect(demand.of(bare, [])).toBe(0);
  });

  test.each([
    ['a shorter one', 'classes: [{ name: a, keep: P9D, action: x }]', 'a: keep is P9D, expected at least'],
    ['no condition', 'classes: [{ name: a, keep: P1Y }]', 'a: expected an action, a tenant or a tag'],
    ['the same name', 'classes: [{ name: a, keep: P1Y, tag: x }, { name: a, keep: P1Y, tag: y }]', 'a: there twice'],
    ['a wrong duration', 'classes: [{ name: a, keep: 7 years, tag: x }]', 'found duration "7 years"'],
    ['an unknown word', 'classes: [{ name: a, keep: P1Y, actoin: x }]', 'actoin'],
    ['none at all', 'classes: []', 'classes'],
    ['no YAML', 'classes: [', 'at line 1'],
  ])('%s is an error', (_, text, expected) => {
    expect(() => parseClasses(text, tenDays)).toThrow(expected);
  });
});

/** Some of the events for thirty days. */
const thirtyDays = new RetentionDemand(parseClasses('classes: [{ name: bank, keep: P30D, tenant: bank-* }]', tenDays));

describe('an archive with classes', () => {
  test('locks a segment for the longest of its events, lists that, and keeps its proof for longer', async () => {
    const archive = new LivingArchive(thirtyDays);
    await archive.live(8);
    await archive.live(1, [{}, { tenant: 'bank-1' }, {}]);
    await archive.live(70);
    expect(await archive.verdict()).toMatchObject({ findings: [], reports: [] });
    expect(archive.expire('')).toBeGreaterThan(10);
    const oldest = archive.world.bucket.dump('events/')[0];
    expect(oldest?.key).toContain('dt=2026-03-03/hour=12/');
    expect(oldest?.retainUntil).toBe(start + 32 * dayMs);
    const { findings, reports } = await archive.verdict();
    expect(findings).toEqual([]);
    expect(new Set(reports)).toEqual(new Set(['expired']));
    for (const { retainUntil } of archive.world.bucket.dump('batches/'))
      expect(retainUntil).toBeGreaterThan(start + 32 * dayMs);
  }, 30_000);

  test('that come later make the older locks longer before any segment needs it; that are gone again do not harm', async () => {
    const before = new LivingArchive(undefined);
    await before.live(12);
    const during = new LivingArchive(thirtyDays, before.world);
    await during.live(6, [{ tenant: 'bank-1' }]);
    const after = new LivingArchive(undefined, before.world);
    for (let n = 0; n < 6; n++) {
      await after.live(20);
      after.expire('');
      expect((await after.verdict()).findings).toEqual([]);
    }
    const days = new Set(after.world.bucket.dump('events/').map(({ key }) => key.slice(0, 20)));
    expect(days).not.toContain('events/dt=2026-03-04');
  }, 30_000);

  test('a segment that was written without its class is locked for longer before it is listed', async () => {
    const archive = new LivingArchive(thirtyDays);
    archive.write({ tenant: 'bank-1' });
    const { demand: _, ...careless } = archive.context;
    await archive.world.archive(0, careless);
    const lockOf = () => archive.world.bucket.dump('events/')[0]?.retainUntil;
    expect(lockOf()).toBe(start + 10 * dayMs);
    await archive.world.seal(archive.context);
    archive.world.now += 6 * 3600_000;
    await archive.world.seal(archive.context);
    expect(lockOf()).toBeGreaterThanOrEqual(start + 30 * dayMs);
    expect((await archive.verdict()).findings).toEqual([]);
  });
});

test('GOVERNANCE is a finding for each object, unless the auditor takes it; then the verdict says so', async () => {
  const archive = new LivingArchive(undefined);
  await archive.live(2);
  const { findings } = await archive.verdict({ mode: 'GOVERNANCE' });
  expect(findings.length).toBeGreaterThan(5);
  for (const finding of findings) expect(finding).toMatch(/^lock-short .* GOVERNANCE, which some may lift/);
  const taken = await archive.verdict({ mode: 'GOVERNANCE', lockMode: 'GOVERNANCE' });
  expect(taken.findings).toEqual([]);
  expect(taken.notes.join()).toContain('GOVERNANCE');
  expect((await archive.verdict({ lockMode: 'GOVERNANCE' })).findings).toEqual([]);
});
