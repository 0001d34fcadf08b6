// What a proof of source means for an event: verified, asserted, or refused and why.

import { describe, expect, test } from 'vitest';
import { decide } from '../../../consumers/normalizer/decide.ts';
import { ownService, proveOwn } from '../../../consumers/normalizer/sources/own.ts';
import type { Services } from '../../../consumers/normalizer/sources/services.ts';
import { verdictsOf } from '../../../consumers/normalizer/sources/verdicts.ts';
import { generatePem, signerFromPem } from '../../../core/edge/crypto.ts';
import { AUDIT_ACTIONS } from '../../../core/event/index.ts';
import { SOURCE_HEADER } from '../../../core/proof/source.ts';
import { type Source, sourceFromPem } from '../../../producers/sdk/source-proof.ts';
import type { Actor, AuditEvent } from '../../../schemas/index.ts';
import { encode, makeEvent, place, rawRecord, writer } from './records.ts';
import {
  billing,
  dated,
  eventOf,
  gateway,
  groupOf,
  impostor,
  origin,
  producer,
  register,
  servicesOf,
  stranger,
} from './source-groups.ts';

const now = 1_767_600_002_000_000;
const vault = sourceFromPem('vault', generatePem());
const services = servicesOf(
  register('billing', { keys: [dated(billing)], actions: ['account.*'] }),
  register('gateway', { keys: [dated(gateway)], onBehalfOf: ['shop-*', 'billing'] }),
  register('vault', { keys: [dated(vault)], alwaysSigns: true }),
  register('shop-legacy', { actions: ['cart.*'] }),
);

function decideAll(group: ReturnType<typeof groupOf>, known: Services | null = services) {
  const sourceOf = verdictsOf({ topic: place.topic, partition: place.partition, groups: [group] }, () => services);
  return group.map(raw => decide(raw, place, writer, now, { verdict: sourceOf(raw), services: known }).record);
}

/** What becomes of one event, alone in its request. */
function judged(event: AuditEvent, source?: Source, known: Services | null = services) {
  const [record] = decideAll(groupOf([event], source), known);
  if (!record) throw new Error('no record');
  return { ...record, code: record.refused?.code };
}

const checked = { method: 'oidc', issuer: 'https://login.example', subject: 's', keyId: 'k', checkedAt: 1 };
const actorOf = (more: Partial<Actor> = {}): Actor => ({
  kind: 'human',
  id: 'u-77',
  name: null,
  email: null,
  roles: [],
  session: null,
  onBehalfOf: [],
  credential: checked,
  ...more,
});

describe('how the actor is known', () => {
  test.each([
    ['a checked credential, proven', billing, actorOf(), 'verified', /^billing proved by its key [0-9a-f]{8}.*checked/],
    [
      'a checked credential, without a proof',
      undefined,
      actorOf(),
      'asserted',
      /^the producer .* says that it checked/,
    ],
    ['the same, signed by a stranger', stranger, actorOf(), 'asserted', /who signed it is not registered$/],
    [
      'a credential that nobody checked',
      billing,
      actorOf({ credential: { ...checked, checkedAt: null } }),
      'asserted',
      /^billing proved/,
    ],
    [
      'no credential, proven',
      billing,
      actorOf({ credential: null }),
      'asserted',
      /without a credential that it checked$/,
    ],
    [
      'the service itself',
      billing,
      actorOf({ kind: 'machine', id: 'billing', credential: null }),
      'verified',
      /is the actor itself$/,
    ],
    ['a person of that name', billing, actorOf({ id: 'billing', credential: null }), 'asserted', /^billing proved/],
    ['nobody', billing, null, 'anonymous', /^billing proved .*; no actor is named$/],
  ] as const)('%s', (_, source, actor, attribution, reason) => {
    const record = judged(eventOf(3, { actor }), source);
    expect(record).toMatchObject({ code: undefined, attribution, attributionReason: expect.stringMatching(reason) });
  });

  test('where no services are registered a proof is not looked at, an impostor is no worse than others', () => {
    for (const source of [billing, impostor, undefined]) {
      expect(judged(eventOf(3, { actor: actorOf() }), source, null)).toMatchObject({
        code: undefined,
        attribution: 'asserted',
      });
    }
  });

  test('in a proven group each event is judged by what it says itself', () => {
    const events = [
      eventOf(3, { actor: actorOf() }),
      eventOf(4),
      eventOf(6, { action: 'cart.empty', actor: actorOf() }),
    ];
    const found = decideAll(groupOf(events, billing)).map(one => one.refused?.code ?? one.attribution);
    expect(found).toEqual(['verified', 'anonymous', 'source-action']);
  });
});

describe('who speaks for whom', () => {
  const event = (service: string, more: Partial<AuditEvent> = {}) =>
    eventOf(3, { origin: origin(service), actor: actorOf(), ...more });

  test.each<[string, AuditEvent, Source | undefined, string | undefined]>([
    ['a service for itself', event('billing'), billing, undefined],
    ['a service that is not registered, without a proof', event('other'), undefined, undefined],
    ['a registered one that need not sign', event('billing'), undefined, undefined],
    ['a service for another', event('other'), billing, 'source-event'],
    ['a gateway for one that it may speak for', event('shop-7'), gateway, undefined],
    ['a gateway for another', event('vault'), gateway, 'source-event'],
    ['a proven sender of an event that names no service', eventOf(3, { origin: null }), billing, undefined],
    ["an action outside the sender's", event('billing', { action: 'cart.empty' }), billing, 'source-action'],
    [
      'an action outside that of the service it is sent for',
      event('billing', { action: 'cart.empty' }),
      gateway,
      'source-action',
    ],
    [
      'an action that is allowed to the one it is sent for',
      event('shop-legacy', { action: 'cart.empty' }),
      gateway,
      undefined,
    ],
    [
      'without a proof an action is no more allowed',
      event('billing', { action: 'cart.empty' }),
      undefined,
      'source-action',
    ],
    ['a service that always signs', event('vault'), vault, undefined],
    ['a service that always signs, without a proof', event('vault'), undefined, 'source-missing'],
    ['the same, signed by a stranger', event('vault'), stranger, 'source-missing'],
    ['an impostor', event('billing'), impostor, 'source-signature'],
  ])('%s', (_, one, source, code) => {
    expect(judged(one, source).code).toBe(code);
  });
});

describe('numbers are those that were signed', () => {
  const signed = { instance: 'i-1', first: 3, last: 9 };

  test.each<[string, AuditEvent['producer'], typeof signed | null, string[]]>([
    ['the first', producer(3), signed, []],
    ['the last', producer(9), signed, []],
    ['one before', producer(2), signed, ['producer.sequence']],
    ['one behind', producer(10), signed, ['producer.sequence']],
    ["another instance's", producer(5, 'i-2'), signed, ['producer.instance']],
    ['none, where there should be', null, signed, ['producer']],
    ['none, and none was signed', null, null, []],
    ['one, where none was signed', producer(3), null, ['producer']],
  ])('%s', (_, numbers, range, fields) => {
    const verdict = { proof: 'valid', service: 'billing', keyId: '00000000', numbers: range } as const;
    const raw = rawRecord(encode(eventOf(0, { producer: numbers })));
    const { record, refused } = decide(raw, place, writer, now, { verdict, services });
    expect(refused).toBe(fields.length === 0 ? null : 'source-event');
    expect(record.refused?.problems.map(({ field }) => field) ?? []).toEqual(fields);
  });
});

describe('actions of the archive itself', () => {
  const event = (action: string, more: Partial<AuditEvent> = {}) => eventOf(3, { action, ...more });
  const key = signerFromPem('archive/normalizer', generatePem());
  const withOwn = servicesOf(
    ownService('tidemark-normalizer', [key.key]),
    register('billing', { keys: [dated(billing)] }),
    register('tidemark', { keys: [dated(stranger)], actions: ['audit.*'] }),
  );

  test('that an instance ends anybody may say', () => {
    for (const source of [billing, undefined])
      expect(judged(event(AUDIT_ACTIONS.close), source, withOwn).code).toBe(undefined);
  });

  test.each(Object.values(AUDIT_ACTIONS).filter(action => action !== 'audit.close' && action !== 'audit.refuse'))(
    '%s nobody may do without a proof, nor by a pattern that means what services do',
    action => {
      expect(judged(event(action), undefined, withOwn).code).toBe('source-missing');
      expect(judged(event(action, { origin: null }), undefined, withOwn).code).toBe('source-missing');
      expect(judged(event(action), billing, withOwn).code).toBe('source-action');
    },
  );

  test('are done by who is registered for them', () => {
    const verdict = { proof: 'valid', service: 'tidemark', keyId: '00000000', numbers: null } as const;
    const raw = rawRecord(
      encode(makeEvent({ action: 'audit.erase.request', origin: origin('tidemark'), producer: null })),
    );
    expect(decide(raw, place, writer, now, { verdict, services: withOwn }).refused).toBe(null);
  });

  test.each([
    ['audit.heartbeat', null],
    ['audit.policy.change', null],
    ['audit.erase.request', 'source-action'],
  ])('%s by a normalizer, signed by the key of its seals: %s', (action, code) => {
    const value = encode(makeEvent({ action, producer: null, origin: origin('tidemark-normalizer') }));
    const proof = proveOwn({ service: 'tidemark-normalizer', signer: key }, place, value);
    const raw = rawRecord(value, { headers: [[SOURCE_HEADER, proof]] });
    const sourceOf = verdictsOf({ topic: place.topic, partition: place.partition, groups: [[raw]] }, () => withOwn);
    expect(decide(raw, place, writer, now, { verdict: sourceOf(raw), services: withOwn }).refused).toBe(code);
  });
});

test('a refusal says which rule in its own words, keeps the bytes, the number and no word of the record; it ends no instance', () => {
  const last = { ...producer(3), last: true, abandoned: [{ first: 0, last: 2 }] };
  const record = judged(
    eventOf(3, { origin: origin('secret-name'), reason: 'secret-reason', producer: last }),
    billing,
  );
  expect(record).toMatchObject({
    action: 'audit.refuse',
    attribution: 'anonymous',
    producer: { instance: 'i-1', sequence: 3, last: false, abandoned: [] },
    refused: {
      code: 'source-event',
      problems: [{ field: 'origin.service', found: 'another service', expected: expect.stringContaining('billing') }],
    },
  });
  expect(JSON.stringify(record.refused)).not.toContain('secret');
  expect(record.original?.value).toEqual(
    groupOf([eventOf(3, { origin: origin('secret-name'), reason: 'secret-reason', producer: last })], billing)[0]
      ?.value,
  );
});
