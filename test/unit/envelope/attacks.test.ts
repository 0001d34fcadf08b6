// What an attacker can do to a stored record who has no key: each change is told, at its field, and nothing false is ever read.

import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { memoryKeyRing, openPersonal, sealPersonal } from '../../../core/envelope/index.ts';
import { copyWithSlots } from '../../../core/envelope/walk.ts';
import type { AuditRecord, Sealed } from '../../../schemas/types.ts';
import { actor, record, target, text } from './records.ts';

const words = fc.string({ unit: 'binary', maxLength: 12 });
const maybe = fc.option(words);
const person = fc.constantFrom('u-1', 'u-2', 'u-3');
const bytes = fc.uint8Array({ maxLength: 9 }).map(Buffer.from);

const records: fc.Arbitrary<AuditRecord> = fc
  .record({
    actor: fc.option(
      fc
        .record({ name: maybe, email: maybe, session: maybe })
        .chain(over =>
          fc
            .tuple(person, person, maybe)
            .map(([id, by, name]) => actor(id, { ...over, onBehalfOf: [{ kind: 'human', id: by, name }] })),
        ),
    ),
    targets: fc.array(
      fc
        .record({
          name: maybe,
          person: fc.boolean(),
          changes: fc.array(
            maybe.map(after => ({ field: 'f', before: null, after: text(after) })),
            { maxLength: 2 },
          ),
        })
        .chain(over => person.map(id => target(id, over))),
      { maxLength: 3 },
    ),
    reason: maybe,
    request: fc.option(
      fc.record({ id: fc.constant(null), traceParent: fc.constant(null), clientAddress: maybe, userAgent: maybe }),
    ),
    attributes: fc.array(
      maybe.map(value => ({ key: 'k', value: text(value) })),
      { maxLength: 3 },
    ),
    enrichment: fc.array(
      fc.constantFrom(null, 'actor.id', 'targets[0].id', 'targets[9].id', 'request.clientAddress').chain(about =>
        words.map(found => ({
          name: 'people',
          version: '1',
          about,
          status: 'found' as const,
          note: null,
          values: [{ key: 'k', value: text(found) }],
        })),
      ),
      { maxLength: 2 },
    ),
    original: fc.option(
      fc.record({
        cause: fc.constant('unknown' as const),
        sha256: fc.constant(''),
        key: fc.option(bytes),
        value: fc.option(bytes),
        headers: fc.array(fc.record({ key: words, value: fc.option(bytes) }), { maxLength: 2 }),
        sealed: fc.constant(null),
      }),
    ),
  })
  .map(over => record(over));

/** Each personal field as text; the original as one. */
function fieldsOf(from: AuditRecord): Map<string, string | Sealed> {
  const found = new Map(copyWithSlots(from).slots.map(({ path, value }) => [path, value]));
  if (from.original?.sealed) found.set('original.sealed', from.original.sealed);
  return found;
}

/** The record with one of its fields replaced. */
function withField(from: AuditRecord, path: string, value: string | Sealed): AuditRecord {
  const { copy, slots } = copyWithSlots(from);
  if (path === 'original.sealed' && copy.original && typeof value !== 'string')
    copy.original = { ...copy.original, sealed: value };
  slots.find(slot => slot.path === path)?.set(value);
  return copy;
}

const sealedFields = (from: AuditRecord) =>
  [...fieldsOf(from)].filter((field): field is [string, Sealed] => typeof field[1] !== 'string');

/** Opens what was meddled with: what opens is true, and the fields named are told as broken. */
function expectTold(clear: AuditRecord, meddled: AuditRecord, paths: string[], ring = memoryKeyRing()): void {
  const { record: opened, fields } = openPersonal(meddled, ring.find);
  const truth = fieldsOf(clear);
  const read = fieldsOf(opened);
  for (const { path, state, problem } of fields) {
    if (state === 'broken') expect(problem).toMatch(/.{20}/);
    if (state === 'open' && path !== 'original.sealed') expect(read.get(path), path).toBe(truth.get(path));
    if (paths.includes(path)) expect(state, path).not.toBe('open');
  }
}

describe('any record', () => {
  test('opens to what it was, through its bytes', () => {
    fc.assert(
      fc.property(records, clear => {
        const ring = memoryKeyRing();
        const sealed = sealPersonal(clear, ring);
        expect([...fieldsOf(sealed).values()].filter(value => typeof value === 'string')).toEqual([]);
        const { record: opened, fields } = openPersonal(sealed, ring.find);
        expect(fields.every(({ state }) => state === 'open')).toBe(true);
        expect(opened).toEqual(clear);
      }),
    );
  });

  test('says so where a ciphertext was moved to another field, record or person', () => {
    fc.assert(
      fc.property(records, records, (one, other) => {
        const ring = memoryKeyRing();
        const there = { ...other, id: '019a0000-0000-7000-8000-000000000002' };
        const from = sealedFields(sealPersonal(one, ring));
        const into = sealPersonal(there, ring);
        const own = sealedFields(into);
        for (const [path, before] of own) {
          for (const [, moved] of from) expectTold(there, withField(into, path, moved), [path], ring);
          for (const [path2, second] of own) {
            // Two empty texts of one owner have the same bytes: swapped, nothing has changed.
            if (path2 === path || isDeepStrictEqual(before, second)) continue;
            const swapped = withField(withField(into, path, second), path2, before);
            expectTold(there, swapped, [path, path2], ring);
            expectTold(there, withField(into, path, second), [path], ring);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  test('says so where a byte was changed, cut off, added or moved over to the next field', () => {
    fc.assert(
      fc.property(records, fc.nat(), (clear, seed) => {
        const ring = memoryKeyRing();
        const sealed = sealPersonal(clear, ring);
        const fields = sealedFields(sealed);
        fields.forEach(([path, field], n) => {
          for (const changed of variants(field, seed))
            expectTold(clear, withField(sealed, path, changed), [path], ring);
          const next = fields[n + 1];
          if (!next || next[1].keyId !== field.keyId || next[1].ciphertext.length === 0) return;
          const longer = { ...field, ciphertext: Buffer.concat([field.ciphertext, next[1].ciphertext.subarray(0, 1)]) };
          const shorter = { ...next[1], ciphertext: next[1].ciphertext.subarray(1) };
          expectTold(clear, withField(withField(sealed, path, longer), next[0], shorter), [path, next[0]], ring);
        });
      }),
      { numRuns: 60 },
    );
  });
});

function variants(field: Sealed, seed: number): Sealed[] {
  const flip = (of: Uint8Array) => of.map((byte, n) => (n === seed % of.length ? byte ^ (1 << (seed % 8)) : byte));
  const { ciphertext, nonce } = field;
  return [
    { ...field, nonce: flip(nonce) },
    { ...field, nonce: nonce.subarray(1) },
    { ...field, nonce: Buffer.alloc(0) },
    { ...field, ciphertext: Buffer.concat([ciphertext, Buffer.of(0)]) },
    { ...field, keyId: field.keyId.replace(/1\./, '2.') },
    { ...field, keyId: `p1.${'0'.repeat(32)}` },
    ...(ciphertext.length > 0
      ? [
          { ...field, ciphertext: flip(ciphertext) },
          { ...field, ciphertext: ciphertext.subarray(1) },
          { ...field, ciphertext: Buffer.alloc(0) },
        ]
      : []),
  ];
}

describe('an attacker', () => {
  const ring = memoryKeyRing();
  const clear = record({ targets: [target('u-2', { person: true, name: 'Grace' })] });
  const sealed = sealPersonal(clear, ring);
  const problemsOf = (meddled: AuditRecord, find = ring.find) =>
    new Map(openPersonal(meddled, find).fields.map(({ path, problem }) => [path, problem]));

  test('who takes a field away breaks the others of its owner', () => {
    const problems = problemsOf({ ...sealed, reason: null });
    expect(problems.get('actor.name')).toMatch(/actor\.name, .* of record 019a.* can't be opened with key p1\./);
    expect(problems.get('targets[0].name')).toBeNull();
  });

  test('who puts one person in the place of another is told with both keys', () => {
    const moved = withField(sealed, 'actor.email', fieldsOf(sealed).get('targets[0].name') ?? '');
    const [one, two] = [ring.idOf({ kind: 'person', id: 'u-1' }), ring.idOf({ kind: 'person', id: 'u-2' })];
    expect(problemsOf(moved).get('actor.email')).toContain(
      `is under key ${two}, actor.name of the same owner under ${one}`,
    );
  });

  test('who says that it is another algorithm is told which', () => {
    const field = fieldsOf(sealed).get('targets[0].name');
    if (typeof field !== 'object') throw new Error('it is sealed');
    const weaker = withField(sealed, 'targets[0].name', { ...field, keyId: field.keyId.replace('p1.', 'p0.') });
    expect(problemsOf(weaker).get('targets[0].name')).toContain('found algorithm 0, expected 1 (AES-256-GCM)');
  });

  test('who moves the record itself to another place is told', () => {
    for (const meddled of [
      { ...sealed, id: '019a0000-0000-7000-8000-000000000009' },
      { ...sealed, raw: { ...sealed.raw, offset: 42 } },
      { ...sealed, raw: { ...sealed.raw, topic: 'other' } },
    ])
      expect([...problemsOf(meddled).values()].every(problem => problem !== null)).toBe(true);
  });

  test('who swaps the keys of two persons is told', () => {
    const swapped = (id: string) =>
      ring.find(ring.idOf({ kind: 'person', id: id === ring.idOf({ kind: 'person', id: 'u-1' }) ? 'u-2' : 'u-1' }));
    expect([...problemsOf(sealed, swapped).values()].every(problem => problem !== null)).toBe(true);
  });
});

test('an empty text, a single field and a lone original are sealed and opened', () => {
  const ring = memoryKeyRing();
  const bare = { actor: null, request: null, attributes: [], targets: [] };
  for (const reason of ['', 'x']) {
    const sealed = sealPersonal(record({ ...bare, reason }), ring);
    expect(openPersonal(sealed, ring.find).record.reason).toBe(reason);
    expect(sealed.reason).toMatchObject({ keyId: 'd1.2026-01-05' });
  }
  const empties = record({ actor: actor('u-1', { name: '', email: '', session: '' }), reason: '', request: null });
  expect(openPersonal(sealPersonal(empties, ring), ring.find).record).toEqual(empties);
  const nothing = record({ ...bare, reason: null });
  expect(sealPersonal(nothing, ring)).toEqual(nothing);
});

test('what tells of services stays readable', () => {
  const ring = memoryKeyRing();
  const values = [{ key: 'owner', value: text('team-payments') }];
  const of = (name: string) => ({ name, version: '1', about: null, status: 'found' as const, note: null, values });
  const sealed = sealPersonal(record({ enrichment: [of('catalogue'), of('people')] }), ring);
  expect(sealed.enrichment[0]?.values).toEqual(values);
  expect(sealed.enrichment[1]?.values[0]?.value.text).toMatchObject({
    keyId: ring.idOf({ kind: 'person', id: 'u-1' }),
  });
});

test('a key that was not prepared is an error, not a secret that nobody can open', () => {
  expect(() => sealPersonal(record(), memoryKeyRing({ strict: true }))).toThrow(/was not prepared/);
});
