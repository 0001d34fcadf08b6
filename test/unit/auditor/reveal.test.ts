import { describe, expect, test } from 'vitest';
import { decoderFor } from '../../../auditor/read/decode.ts';
import { keyIdsIn, openFormat, type ReadEvent, revealEvent } from '../../../auditor/read/index.ts';
import { viewOf } from '../../../auditor/read/view.ts';
import { memoryKeyRing, sealPersonal } from '../../../core/envelope/index.ts';
import { type AuditRecord, auditRecordText, auditRecordType } from '../../../schemas/index.ts';
import { record } from '../envelope/records.ts';

/** As reading yields it: encoded, and decoded by the schema that a segment carries. */
function asRead(value: AuditRecord): ReadEvent {
  const datum = auditRecordType().encode(value);
  const decoded = decoderFor('reveal test', auditRecordText)(datum);
  if ('problem' in decoded) throw new Error(decoded.problem);
  return around(decoded.value, datum);
}

function around(value: unknown, datum: Uint8Array = new Uint8Array()): ReadEvent {
  const raw = { topic: 'audit.raw', generation: 0, partition: 0, offset: 0n };
  const fields = { id: 'e-1', occurredAt: 0n, ...raw, producer: null };
  const proof = { status: 'pending' } as const;
  return { kind: 'event', fields, datum, value, undecodable: null, view: viewOf(value), proof, segment: 's' };
}

const states = ({ personal }: ReadEvent) => [...new Set(personal?.map(({ state }) => state))];

describe('personal fields of an event that is read', () => {
  const ring = memoryKeyRing();
  const clear = record();
  const event = asRead(sealPersonal(clear, ring));
  const person = { kind: 'person', id: clear.actor?.id ?? '' } as const;

  test('are sealed for who only reads', () => {
    expect(event.view.actorName).toBe('(sealed)');
    expect(keyIdsIn(event)).toContain(ring.idOf(person));
    expect(openFormat('jsonl', null).row(event)).not.toContain('"personal"');
  });

  test('are in clear with the keys, through a segment and its schema', () => {
    const revealed = revealEvent(event, ring.find);
    expect(states(revealed)).toEqual(['open']);
    expect(revealed.view.actorName).toBe(clear.actor?.name);
    expect(revealed.value).toMatchObject({ actor: { name: clear.actor?.name }, reason: clear.reason });
  });

  test('stay sealed where a key is not at hand', () => {
    const revealed = revealEvent(event, () => null);
    expect(states(revealed)).toEqual(['no-key']);
    expect(revealed.view.actorName).toBe('(sealed)');
  });

  test('read as erased once the key was destroyed, in every format', () => {
    const gone = revealEvent(event, id => (id === ring.idOf(person) ? 'erased' : ring.find(id)));
    expect(gone.view.actorName).toBe('(erased)');
    expect(openFormat('csv', null).row(gone)).toContain('(erased)');
    const line = JSON.parse(openFormat('jsonl', null).row(gone));
    expect(line.personal).toContainEqual(expect.objectContaining({ path: 'actor.name', state: 'erased' }));
    expect(JSON.stringify(line)).not.toContain(clear.actor?.name);
  });

  test('that were moved from another record are broken, and say so', () => {
    const stranger = asRead({ ...sealPersonal(clear, ring), id: '00000000-0000-7000-8000-000000000000' });
    const revealed = revealEvent(stranger, ring.find);
    expect(states(revealed)).toEqual(['broken']);
    expect(revealed.view.actorName).toBe('(broken)');
  });

  test('that are of another shape inside are not taken for opened, and reading goes on', () => {
    const sealed = { keyId: 7, ciphertext: 'no' };
    const strange = [
      { ...clear, reason: sealed },
      { ...clear, reason: { keyId: 'p1.00', ciphertext: new Uint8Array(), nonce: null } },
      { ...clear, original: { cause: 'refused', sealed: 'no' } },
    ];
    for (const value of strange) {
      keyIdsIn(around(value));
      expect(states(revealEvent(around(value), ring.find))).not.toContain('open');
    }
  });

  test.each([
    null,
    7,
    'text',
    [],
    {},
    { id: 'x', targets: [], attributes: [], enrichment: [null], normalizedAt: 1, actor: null, original: null },
    { id: 'x', targets: [], attributes: [], enrichment: [], normalizedAt: 1, actor: {}, original: null },
    { id: 'x', targets: 'no', attributes: [], enrichment: [], normalizedAt: 1, actor: null, original: null },
  ])('of a shape that is not ours are left alone: %j', value => {
    const strange = around(value);
    expect(keyIdsIn(strange)).toEqual([]);
    expect(revealEvent(strange, ring.find)).toBe(strange);
  });
});
