import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { threatTable } from '../attacks/page.ts';
import { attacks } from '../attacks/table.ts';

test('the threat model shows the alteration table as it is played (npm run attacks -- --page prints it)', () => {
  const page = readFileSync(new URL('../../docs/threat-model.md', import.meta.url), 'utf8');
  expect(page).toContain(threatTable(attacks));
});

test('each row is found, or says who else could tell; no two have one name', () => {
  expect(attacks.filter(({ found, only }) => found.length > 0 === (only !== undefined))).toEqual([]);
  expect(new Set(attacks.map(({ name }) => name)).size).toBe(attacks.length);
  expect(attacks.length).toBeGreaterThanOrEqual(60);
});
