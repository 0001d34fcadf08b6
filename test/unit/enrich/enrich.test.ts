import fc from 'fast-check';
import kafkajs from 'kafkajs';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { createCatalogue } from '../../../consumers/normalizer/enrich/catalogue.ts';
import { ChangeHistory } from '../../../consumers/normalizer/enrich/change-history.ts';
import { changesOf } from '../../../consumers/normalizer/enrich/change-of.ts';
import { clockFlag } from '../../../consumers/normalizer/enrich/clock.ts';
import { askAll, type Enricher } from '../../../consumers/normalizer/enrich/enricher.ts';
import { createGeo } from '../../../consumers/normalizer/enrich/geo.ts';
import { openEnrichers } from '../../../consumers/normalizer/enrich/index.ts';
import { createLiveChange } from '../../../consumers/normalizer/enrich/live-change.ts';
import { createPeople } from '../../../consumers/normalizer/enrich/people.ts';
import { parseDuration } from '../../../core/proof/period.ts';
import { type AuditRecord, auditRecordType } from '../../../schemas/index.ts';
import { by, from, minute, record, target, ten, through } from './records.ts';

const log = pino({ level: 'silent' });
const clockTolerance = parseDuration('PT1H');
const off = { geoip: null, catalogue: null, people: null, changesTopic: null, clockTolerance };
// Nothing here reaches a broker: no topic of changes is followed.
const kafka = new kafkajs.Kafka({ brokers: ['127.0.0.1:1'], logLevel: kafkajs.logLevel.NOTHING });

describe('a clock that is far off is flagged, and the event kept as it is', () => {
  test.each([
    [0, null],
    [60 * minute, null],
    [-60 * minute, null],
    [60 * minute + 1, 'more than PT1H after the topic received it'],
    [-60 * minute - 1, 'more than PT1H before the topic received it'],
    [-20_000 * 24 * 60 * minute, 'more than PT1H before'],
  ])('%i µs', (skew, note) => {
    const flag = clockFlag(record({ occurredAt: ten + skew, received: { at: ten, source: 'broker' } }), clockTolerance);
    if (note === null) expect(flag).toBeNull();
    else expect(flag).toMatchObject({ code: 'clock-skew', field: 'occurredAt', note: expect.stringContaining(note) });
  });
});

describe('a failing enricher', () => {
  const failing: Enricher = {
    name: 'failing',
    version: '7',
    enrich: () => {
      throw new Error('Ada Lovelace');
    },
  };
  const working: Enricher = {
    name: 'working',
    version: '1',
    enrich: () => [{ name: 'working', version: '1', about: null, status: 'found', note: null, values: [] }],
  };

  test('marks the record, without a word of it, and stops nobody else', () => {
    const told: string[] = [];
    const entries = askAll([failing, working], record(), name => told.push(name));
    expect(entries.map(({ name, version, status }) => [name, version, status])).toEqual([
      ['failing', '7', 'failed'],
      ['working', '1', 'found'],
    ]);
    expect(JSON.stringify(entries)).not.toContain('Ada');
    expect(told).toEqual(['failing']);
  });
});

describe('with nothing configured', () => {
  test('an event of known reserved address is told so; refusals and heartbeats come back as they are', async () => {
    const registry = new Registry();
    const enrichers = await openEnrichers(off, { kafka, log, registry });
    const enriched = enrichers.enrich(
      record({ ...through('10.0.0.1'), received: { at: ten + 61 * minute, source: 'broker' } }),
    );
    expect(enriched.enrichment).toMatchObject([{ name: 'geo', version: 'reserved addresses only', status: 'found' }]);
    expect(enriched.flags).toMatchObject([{ code: 'clock-skew' }]);
    const heartbeat = record({ action: 'audit.heartbeat', ...from('normalizer') });
    const refusal = record({ refused: { code: 'invalid', message: '', problems: [] }, ...through('10.0.0.1') });
    for (const each of [record(), heartbeat, refusal]) expect(enrichers.enrich(each)).toBe(each);
    enrichers.seen(record({ action: 'deployment.finish', ...from('billing') }));
    const metric = await registry.getSingleMetricAsString('tidemark_normalizer_enrichments_total');
    expect(metric).toContain('{name="geo",status="found"} 1');
    await enrichers.close();
  });
});

describe('any record at all', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.constantFrom('billing', 'service', '__proto__', 'constructor', 'u-1'),
  );
  const optional = fc.option(text);
  const time = fc.integer({ min: -(2 ** 52), max: 2 ** 52 });
  const anyRecord: fc.Arbitrary<AuditRecord> = fc
    .record({
      occurredAt: time,
      at: time,
      action: fc.oneof(text, fc.constantFrom('deployment.finish', 'config.update', 'migration.apply')),
      service: fc.option(text),
      environment: optional,
      version: optional,
      actor: fc.option(text),
      address: fc.option(fc.oneof(text, fc.ipV4(), fc.ipV6())),
      perimeter: fc.option(fc.oneof(text, fc.constantFrom('migration', 'configuration'))),
      targets: fc.array(fc.tuple(fc.oneof(text, fc.constantFrom('service', 'repository')), text, fc.boolean())),
      attributes: fc.array(fc.tuple(fc.constantFrom('version', 'environment', 'x'), optional)),
    })
    .map(one => ({
      ...record({ occurredAt: one.occurredAt, action: one.action, received: { at: one.at, source: 'producer' } }),
      ...(one.service === null ? {} : from(one.service, one.environment, { version: one.version })),
      ...(one.actor === null ? {} : by(one.actor)),
      ...(one.address === null ? {} : through(one.address)),
      change:
        one.perimeter === null ? null : { perimeter: one.perimeter, reference: null, run: one.version, approval: null },
      targets: one.targets.map(([type, id, person]) => target(type, id, { person, name: id })),
      attributes: one.attributes.map(([key, value]) => ({ key, value: { type: 'string', text: value } })),
    }));

  test('makes no enricher fail, and can be written after it', () => {
    const history = new ChangeHistory();
    const catalogue = {
      services: new Map([['billing', { owner: 'a', tier: '1', repository: null }]]),
      byRepository: new Map([['billing', ['billing']]]),
      digest: 'sha256:1',
    };
    const enrichers = [
      createGeo(() => []),
      createCatalogue(() => catalogue),
      createPeople(() => ({ people: new Map([['u-1', { team: 'a', manager: null }]]), digest: 'sha256:2' })),
      createLiveChange(history),
    ];
    fc.assert(
      fc.property(anyRecord, one => {
        const entries = askAll(enrichers, one, (name, error) => {
          throw new Error(`${name} failed`, { cause: error });
        });
        const flag = clockFlag(one, clockTolerance);
        const whole = { ...one, enrichment: entries, flags: flag ? [flag] : [] };
        expect(auditRecordType().decode(auditRecordType().encode(whole)).enrichment).toEqual(entries);
        for (const { values } of entries) expect(new Set(values.map(({ key }) => key)).size).toBe(values.length);
        for (const { key, mark } of changesOf(one, name => catalogue.byRepository.get(name) ?? []))
          history.take(key, [mark], true);
      }),
      { numRuns: 500 },
    );
  });
});
