// The fast way to the personal texts of a record says what the table of personal fields says, whatever the record.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { gatherClear } from '../../../core/envelope/gather.ts';
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
      const { copy, owned } = gatherClear(of);
      const table = copyWithSlots(of);
      const expected = table.slots
        .filter(({ path, value: one }) => typeof one === 'string' && !isLeftClear(of, path))
        .map(slot => ({ ...slot, owner: ownerName(ownerOf(of, slot.path)) }));
      for (const { owner, texts } of owned) {
        const whose = expected.filter(one => one.owner === ownerName(owner));
        expect(texts.map(({ path, text: clear }) => [path, clear])).toEqual(
          whose.map(({ path, value: one }) => [path, one]),
        );
        for (const { path, put } of texts) put({ ...sealed, keyId: path });
      }
      expect(owned.flatMap(({ texts }) => texts).length).toBe(expected.length);
      expect(new Set(owned.map(({ owner }) => ownerName(owner))).size).toBe(owned.length);
      for (const { path, set } of expected) set({ ...sealed, keyId: path });
      expect(copy).toEqual(table.copy);
      expect(of).toEqual(before);
    }),
    { numRuns: 300 },
  );
});
