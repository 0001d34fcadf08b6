// What is sealed opens again with its keys, and with nothing else.

import { describe, expect, test } from 'vitest';
import { keyIdsOf, memoryKeyRing, openPersonal, ownersOf, sealPersonal } from '../../../core/envelope/index.ts';
import { PERSONAL, type Shape } from '../../../core/envelope/personal-fields.ts';
import { auditRecordText, auditRecordType } from '../../../schemas/index.ts';
import { actor, record, target, text } from './records.ts';

describe('sealing', () => {
  test('hides each personal text, and opening gives the very record back', () => {
    const ring = memoryKeyRing();
    const clear = record();
    const sealed = sealPersonal(clear, ring);
    const stored = auditRecordType().encode(sealed);
    for (const word of ['Ada', 'ada@', 's-1', '192.0.2.7', 'curl', 'she asked', '555-0100', 'Savings'])
      expect(stored.includes(word), word).toBe(false);
    const { record: opened, fields } = openPersonal(auditRecordType().decode(stored), ring.find);
    expect(fields.map(({ state }) => state)).toEqual(Array(8).fill('open'));
    expect(auditRecordType().encode(opened)).toEqual(auditRecordType().encode(clear));
    expect(clear).toEqual(record());
  });

  test('uses a key and one operation for each person, and the day for nobody', () => {
    const ring = memoryKeyRing();
    const both = record({
      actor: actor('u-1', { onBehalfOf: [{ kind: 'human', id: 'u-3', name: 'Grace' }] }),
      targets: [
        target('u-2', { person: true, changes: [{ field: 'n', before: null, after: text('x') }] }),
        target('a'),
      ],
    });
    expect(ownersOf(both)).toEqual(['u-1', 'u-3', 'u-2'].map(id => ({ kind: 'person', id })));
    expect(keyIdsOf(sealPersonal(both, ring))).toHaveLength(3);
    expect(ownersOf(record({ actor: null }))).toEqual([{ kind: 'day', day: '2026-01-05' }]);
    expect(ownersOf(record({ actor: actor('u-2'), targets: [target('u-2', { person: true })] }))).toHaveLength(1);
  });

  test('leaves the originals of refused records under the key of the day', () => {
    const ring = memoryKeyRing();
    const headers = [
      { key: 'h', value: Buffer.from('v') },
      { key: 'none', value: null },
    ];
    const original = {
      cause: 'refused',
      sha256: '',
      key: null,
      value: Buffer.from('secret'),
      headers,
      sealed: null,
    } as const;
    const clear = record({ actor: null, reason: null, request: null, attributes: [], targets: [], original });
    const sealed = sealPersonal(clear, ring);
    expect(sealed.original).toMatchObject({ key: null, value: null, headers: [] });
    const opened = openPersonal(sealed, ring.find);
    expect(opened.record).toEqual(clear);
    expect(opened.fields).toMatchObject([{ path: 'original.sealed', keyId: 'd1.2026-01-05', state: 'open' }]);
  });

  test('reads as erased without the key, and the others stay', () => {
    const ring = memoryKeyRing();
    const sealed = sealPersonal(record({ targets: [target('u-2', { person: true, name: 'Grace' })] }), ring);
    ring.erase({ kind: 'person', id: 'u-1' });
    const { record: opened, fields } = openPersonal(sealed, ring.find);
    expect(opened.targets[0]?.name).toBe('Grace');
    expect(opened.reason).toEqual(sealed.reason);
    expect(fields.filter(({ state }) => state === 'erased')).toHaveLength(7);
    expect(openPersonal(sealed, () => null).fields.every(({ state }) => state === 'no-key')).toBe(true);
  });
});

describe('the list of personal fields', () => {
  test('is that of the tags in the schema, in its order', () => {
    expect(pathsOf(PERSONAL)).toEqual(taggedPaths(JSON.parse(auditRecordText), new Map()));
  });
});

function pathsOf(shape: Shape): string[] {
  return Object.entries(shape).flatMap(([name, inner]) =>
    inner === 'personal' ? [name] : pathsOf(inner).map(rest => `${name}.${rest}`),
  );
}

type Node = { name: string; type: unknown; fields?: Node[]; items?: unknown; 'confluent:tags'?: string[] };

function taggedPaths(type: unknown, named: Map<string, Node>): string[] {
  if (Array.isArray(type)) return type.flatMap(branch => taggedPaths(branch, named));
  if (typeof type === 'string') return named.has(type) ? taggedPaths(named.get(type), named) : [];
  const node = type as Node;
  if (node.type === 'array') return taggedPaths(node.items, named);
  if (node.name) named.set(node.name, node);
  return (node.fields ?? []).flatMap(field => {
    const inner = taggedPaths(field.type, named);
    return field['confluent:tags']?.includes('PII') ? [field.name] : inner.map(rest => `${field.name}.${rest}`);
  });
}
