// `tidemark actions`: a catalogue is checked, and written as a page.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../temporary.ts';
import { tidemark } from './command.ts';

const catalogue = `
catalogue: 1
actions:
  user.erase:
    targets: [user]
    personal: [user]
  account.close:
    description: An account is closed | for good
    targets: [account]
    required: [reason, attributes.ticket]
    by: { kinds: [human], roles: [support, admin] }
    criticality: high
`;

test('a page of Markdown, sorted by action', async () => {
  const folder = temporaryFolder();
  const file = join(folder, 'actions.yaml');
  writeFileSync(file, catalogue);
  const { code, stdout, stderr } = await tidemark(['actions', 'docs', file, '--title', 'What *billing* records']);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toBe(`# What \\*billing\\* records

2 actions are recorded. What was denied and what failed is recorded like what was done.

| Action | What it does | Done to | Criticality |
|---|---|---|---|
| \`account.close\` | An account is closed \\| for good | \`account\` | high |
| \`user.erase\` |  | \`user\` |  |

## account.close
An account is closed \\| for good

* Done to: \`account\`
* Done by: a human with the role \`support\` or \`admin\`
* Always says: \`reason\`, \`attributes.ticket\`
* Criticality: high

## user.erase
* Done to: \`user\`
* Done by: anybody
* Personal: \`user\`
`);
});

test('valid, not valid, and not there', async () => {
  const folder = temporaryFolder();
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const valid = await tidemark(['actions', 'check', file('a.yaml', catalogue)]);
  expect([valid.code, valid.stdout]).toEqual([0, expect.stringContaining('valid: 2 actions')]);
  const wrong = await tidemark([
    'actions',
    'check',
    file('b.json', '{"catalogue":1,"actions":{"a.b":{"targets":["x"],"requird":[]}}}'),
  ]);
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toContain('b.json: a.b: requird: found an unknown property, expected description, targets');
  expect((await tidemark(['actions', 'docs', file('c.json', '{ broken')])).code).toBe(1);
  const missing = await tidemark(['actions', 'docs', join(folder, 'none.yaml')]);
  expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining('give a catalogue of actions')]);
});
