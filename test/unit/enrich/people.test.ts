import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { createPeople } from '../../../consumers/normalizer/enrich/people.ts';
import { parsePeople, readPeople } from '../../../consumers/normalizer/enrich/people-file.ts';
import { by, record, target, valuesOf } from './records.ts';

const folder = mkdtempSync(join(tmpdir(), 'people-'));
afterAll(() => rmSync(folder, { recursive: true }));

const csv = `User ID,Name,E-Mail,Team,Manager
u-1,Ada Lovelace,ada@example.com,team-engines,u-2
u-2,"Babbage, Charles",charles@example.com,team-engines,
u-3,Grace Hopper,grace@example.com,team-compilers,Charles@Example.com
u-4,Alan Turing,alan@example.com,alan@example.com,Charles Babbage
`;
const people = (text: string) => Object.fromEntries(parsePeople(text));
const expected = {
  'u-1': { team: 'team-engines', manager: 'u-2' },
  'u-2': { team: 'team-engines', manager: null },
  'u-3': { team: 'team-compilers', manager: 'u-2' },
  'u-4': { team: null, manager: null },
};

describe('exports', () => {
  test('CSV: ids, teams and managers, those named by address by their id; never a name or an address', () => {
    expect(people(csv)).toEqual(expected);
  });

  test('JSON', () => {
    const rows = [
      { id: 'u-1', name: 'Ada Lovelace', team: 'team-engines', manager: 2 },
      { id: 2, team: 'team-engines', manager: null },
    ];
    expect(people(JSON.stringify(rows))).toEqual({
      'u-1': { team: 'team-engines', manager: '2' },
      '2': { team: 'team-engines', manager: null },
    });
  });

  test.each([
    ['semicolons and a byte order mark', '\uFEFFid;team;manager\nu-1;a;\n', { 'u-1': { team: 'a', manager: null } }],
    ['Windows line ends', 'id,team\r\nu-1,a\r\n', { 'u-1': { team: 'a', manager: null } }],
    ['a header alone', 'id,team\n', {}],
    ['an empty list', '[]', {}],
    ['no columns but ids', 'employee_id\nu-1\n', { 'u-1': { team: null, manager: null } }],
  ])('%s', (_, text, found) => expect(people(text)).toEqual(found));

  test.each([
    ['no id column', 'name,team\nAda Lovelace,engines\n'],
    ['a row without an id', 'id,team\n,Ada Lovelace\n'],
    ['an id twice', 'id,team\nAda Lovelace,a\nAda Lovelace,b\n'],
    ['too many columns', 'id,team\nu-1,a,Ada Lovelace\n'],
    ['an open quote', 'id,team\nu-1,"Ada Lovelace\n'],
    ['broken JSON', '[{"id":"Ada Lovelace"'],
    ['other JSON', '{"Ada Lovelace":{}}'],
  ])('%s is an error that names the file, and nobody in it', async (_, text) => {
    const path = join(folder, 'people');
    writeFileSync(path, text);
    const error = await readPeople(path).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain(path);
    expect(String(error)).not.toContain('Lovelace');
  });

  test('whatever is in the columns that are not asked for stays out', () => {
    const row = fc.record({
      id: fc.uuid(),
      name: fc.string({ minLength: 6 }),
      email: fc.emailAddress(),
      manager: fc.emailAddress(),
    });
    fc.assert(
      fc.property(fc.uniqueArray(row, { selector: ({ id }) => id, minLength: 1 }), rows => {
        const ids = new Set(rows.map(({ id }) => id));
        for (const { team, manager } of parsePeople(JSON.stringify(rows)).values()) {
          expect(team).toBeNull();
          expect(manager === null || ids.has(manager)).toBe(true);
        }
      }),
    );
  });
});

test('who did it, on whose behalf, and the people it was done to', () => {
  const enricher = createPeople(() => ({ people: parsePeople(csv), digest: 'sha256:1' }));
  const { actor } = by('u-1');
  const onBehalfOf = [
    { kind: 'machine' as const, id: 'u-2', name: null },
    { kind: 'human' as const, id: 'u-3', name: null },
  ];
  const targets = [
    target('user', 'u-2', { person: true }),
    target('user', 'u-1'),
    target('user', 'u-9', { person: true }),
  ];
  const entries = enricher.enrich(record({ actor: actor ? { ...actor, onBehalfOf } : null, targets }));
  expect(entries.map(({ about, status }) => [about, status])).toEqual([
    ['actor.id', 'found'],
    ['actor.onBehalfOf[1].id', 'found'],
    ['targets[0].id', 'found'],
    ['targets[2].id', 'missing'],
  ]);
  expect(valuesOf(entries[0])).toEqual({ team: 'team-engines', manager: 'u-2' });
  expect(enricher.enrich(record())).toEqual([]);
});
