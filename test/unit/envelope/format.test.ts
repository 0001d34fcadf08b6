// What was sealed in the past opens for ever: a stored record, opened by us, and by the words of docs/privacy.md alone.

import { createDecipheriv, createHmac, createSecretKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { keyIdOf, openPersonal } from '../../../core/envelope/index.ts';
import { auditRecordType } from '../../../schemas/index.ts';
import type { AuditRecord, Sealed } from '../../../schemas/types.ts';

const vector: { lookupKey: string; keys: Record<string, string>; clear: string; sealed: string } = JSON.parse(
  readFileSync(new URL('sealed-v1.json', import.meta.url), 'utf8'),
);
const type = auditRecordType();
const sealed = type.decode(Buffer.from(vector.sealed, 'base64'));
const clear = type.decode(Buffer.from(vector.clear, 'base64'));

describe('a record sealed by format 1', () => {
  test('is opened', () => {
    const { record, fields } = openPersonal(sealed, id => createSecretKey(Buffer.from(vector.keys[id] ?? '', 'hex')));
    expect(fields.map(({ state, problem }) => problem ?? state)).toEqual(fields.map(() => 'open'));
    expect(fields).toHaveLength(12);
    expect(type.encode(record)).toEqual(type.encode(clear));
  });

  test('is opened by the description', () => {
    const { actor, request, reason, attributes, targets } = sealed;
    const ofActor: [string, unknown][] = [
      ['actor.name', actor?.name],
      ['actor.email', actor?.email],
      ['actor.session', actor?.session],
      ['targets[1].name', targets[1]?.name],
      ['request.clientAddress', request?.clientAddress],
      ['request.userAgent', request?.userAgent],
      ['reason', reason],
      ['attributes[0].value.text', attributes[0]?.value.text],
    ];
    const name = 'Ada Lovelace';
    expect(openByHand(sealed, ofActor)).toBe(`${name}s-1Savings192.0.2.7curl/8she asked for itcall 555-0100`);
    const change = targets[0]?.changes[0]?.before?.text;
    const ofTarget: [string, unknown][] = [
      ['targets[0].name', targets[0]?.name],
      ['targets[0].changes[0].before.text', change],
    ];
    expect(openByHand(sealed, ofTarget)).toBe('Zoë555-0100');
  });

  test('names keys by the lookup key', () => {
    const lookup = Buffer.from(vector.lookupKey, 'hex');
    const mac = createHmac('sha256', lookup).update('tidemark-key/1\nperson\nu-1').digest('hex').slice(0, 32);
    expect(Object.keys(vector.keys)).toContain(`p1.${mac}`);
    expect(keyIdOf(createSecretKey(lookup), { kind: 'person', id: 'u-1' })).toBe(`p1.${mac}`);
  });
});

/** As docs/privacy.md says, with nothing of ours. */
function openByHand({ id, raw }: AuditRecord, fields: [string, unknown][]): string {
  const slices = fields.map(([path, value]) => ({ path, ...(value as Sealed) }));
  const { keyId, nonce } = slices[0] ?? { keyId: '', nonce: Buffer.alloc(0) };
  const lengths = slices.map(({ ciphertext }, n) => ciphertext.length - (n === slices.length - 1 ? 16 : 0));
  const lines = [
    'tidemark-sealed/1',
    'AES-256-GCM',
    keyId,
    `"${id}" ${raw.topic} ${raw.generation} ${raw.partition} ${raw.offset}`,
    ...slices.map(({ path }, n) => `${path} ${lengths[n]}`),
  ];
  const bytes = Buffer.concat(slices.map(({ ciphertext }) => ciphertext));
  const decipher = createDecipheriv('aes-256-gcm', Buffer.from(vector.keys[keyId] ?? '', 'hex'), nonce);
  decipher.setAAD(Buffer.from(`${lines.join('\n')}\n`)).setAuthTag(bytes.subarray(-16));
  return decipher.update(bytes.subarray(0, -16), undefined, 'utf8') + decipher.final('utf8');
}
