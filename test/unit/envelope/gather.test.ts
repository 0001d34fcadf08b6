// The fast way to the personal texts of a record says what the table of personal fields says, whatever the record.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Gathered, NOBODY } from '../../../core/envelope/gather.ts';
import { ownerName } from '../../../core/envelope/key-id.ts';
import { isLeftClear, ownerOf } from '../../../core/envelope/personal-fields.ts';
import { copyWithSlots } from '../../../core/envelope/walk.ts';
import type { AuditRecord, Value } from '../../../schemas/index.ts';
import { actor, record, target } from './records.ts';

const sealed = { keyId: 'p1.00', nonce: new Uint8Array(12), ciphertext: new Uint8Array(20) };
const text = fc.oneof(fc.string({ maxLength: 4 }), fc.constant(null), fc.constant(sealed));
const value = fc.record({ type: fc.constant('string' as const), text }) as fc.Arbitrary<Value>;
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
const few = <T>(arbitrary: fc.Arbitrary<T>) => fc.array(arbitrary, { maxLength: 3 });
const id = fc.constantFrom('u-1', 'u-2', 'u-3');
const attribute = fc.record({ key: fc.string({ maxLength: 3 }), value });
const about = fc.constantFrom(
  null,
  'actor.id',
  'targets[1].id',
  'actor.onBehalfOf[0].id',
  'enrichment[0].about',
  'request.clientAddress',
);

const records: fc.Arbitrary<AuditRecord> = fc
  .record({
    actor: maybe(
      fc.record({
        id,
        name: text,
        email: text,
        session: text,
        onBehalfOf: few(fc.record({ kind: fc.constant('human' as const), id, name: text })),
        credential: maybe(
          fc.record({
            method: fc.constant('oidc'),
            issuer: fc.constant(null),
            subject: text,
            keyId: fc.constant(null),
            checkedAt: fc.constant(null),
          }),
        ),
      }),
    ),
    targets: few(
      fc.record({
        id,
        name: text,
        person: fc.boolean(),
        changes: few(fc.record({ field: fc.constant('f'), before: maybe(value), after: maybe(value) })),
      }),
    ),
    request: maybe(
      fc.record({ id: fc.constant(null), traceParent: fc.constant(null), clientAddress: text, userAgent: text }),
    ),
    reason: text,
    attributes: few(attribute),
    enrichment: few(
      fc.record({
        name: fc.constantFrom('geo', 'people', 'catalogue', 'live-change'),
        version: fc.constant('1'),
        about,
        status: fc.constant('found' as const),
        note: fc.constant(null),
        values: few(attribute),
      }),
    ),
  })
  .map(({ actor: by, targets, ...more }) =>
    record({
      ...more,
      actor: by && actor(by.id, by),
      targets: targets.map(one => target(one.id, one)),
    }),
  );

test('of any record it finds the same texts, owners and places', () => {
  fc.assert(
    fc.property(records, of => {
      const before = structuredClone(of);
      const { paths, texts, owners, ownerOf: whose } = new Gathered(of);
      const expected = copyWithSlots(of)
        .slots.filter(({ value: one }) => typeof one === 'string')
        .map(({ path, value: one }) => {
          const isClear = isLeftClear(of, path);
          return { path: isClear ? '' : path, text: one, owner: isClear ? null : ownerName(ownerOf(of, path)) };
        });
      const names = owners.map(ownerName);
      const found = texts.map((one, n) => {
        const owner = whose[n] ?? NOBODY;
        return { path: paths[n], text: one, owner: owner === NOBODY ? null : names[owner] };
      });
      expect(found).toEqual(expected);
      // Each owner once, by the order of their first texts.
      expect(names).toEqual([...new Set(expected.flatMap(({ owner }) => owner ?? []))]);
      expect(of).toEqual(before);
    }),
    { numRuns: 300 },
  );
});
