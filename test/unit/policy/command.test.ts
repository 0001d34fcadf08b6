// Stories: what is typed, and what comes back on standard output, standard error and as exit code.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { tidemark } from '../cli/command.ts';

const cwd = mkdtempSync(join(tmpdir(), 'tidemark-policy-'));
afterAll(() => rmSync(cwd, { recursive: true }));

const inForce = `version: 1
rules:
  - name: refunds-say-why
    actions: [payment.refund]
    require: [reason]
    otherwise: flag
examples:
  - name: a refund without a reason
    event: { action: payment.refund }
    expect: flag
`;
const write = (name: string, text: string) => writeFileSync(join(cwd, name), text);
write('policy.yaml', inForce);
write('new.yaml', inForce.replace('otherwise: flag', 'otherwise: refuse'));
write('bad.yaml', 'version: 1\nrules:\n  - name: A\n    actions: [a.b]\n    identiy: verified\n');
write(
  'events.jsonl',
  [
    '{"action":"payment.refund"}',
    '{"action":"payment.refund","reason":"they asked"}',
    '{"action":"account.open","reason":"by AKIAIOSFODNN7EXAMPLE"}',
  ].join('\n'),
);

describe('tidemark policy check', () => {
  test('of a valid file says what is in it, and ends with 0', async () => {
    const { code, stdout, stderr } = await tidemark(['policy', 'check', 'policy.yaml'], { cwd });
    expect(stdout).toMatch(/^policy\.yaml: valid: 1 rule, 1 example\ndigest [0-9a-f]{64}\n$/);
    expect([code, stderr]).toEqual([0, '']);
  });

  test('lists all that is wrong, by line, and ends with 1', async () => {
    const { code, stdout, stderr } = await tidemark(['policy', 'check', 'bad.yaml'], { cwd });
    expect(stderr).toMatch(/^bad\.yaml:3: rules\[0\]\.name: found "A", expected /m);
    expect(stderr).toContain('bad.yaml:5: rules[0]: found the key "identiy", which means nothing here');
    expect(stderr).toContain('2 problems');
    expect([code, stdout]).toEqual([1, '']);
  });

  test('of a file that is not there ends with 2', async () => {
    const { code, stderr } = await tidemark(['policy', 'check', 'nowhere.yaml'], { cwd });
    expect(stderr).toBe("tidemark: nowhere.yaml can't be read (ENOENT): give a policy file\n");
    expect(code).toBe(2);
  });
});

describe('tidemark policy test', () => {
  test('runs the examples of the file', async () => {
    const { code, stdout } = await tidemark(['policy', 'test', 'policy.yaml'], { cwd });
    expect(stdout).toBe('1 example: 1 passed, 0 failed\n');
    expect(code).toBe(0);
  });

  test('says which example comes out otherwise, and why, and ends with 1', async () => {
    const { code, stdout } = await tidemark(['policy', 'test', 'new.yaml'], { cwd });
    expect(stdout).toContain('FAILED a refund without a reason\n  expected flag, found refuse: rule refunds-say-why');
    expect(code).toBe(1);
  });

  test('shows what would change against the policy in force, and nothing of the events', async () => {
    const args = ['policy', 'test', 'new.yaml', '--against', 'policy.yaml', '--events', 'events.jsonl'];
    const { stdout, stderr } = await tidemark(args, { cwd });
    expect(stdout).toContain('3 events: 2 accepted, 0 flagged, 1 refused; masked in 1\n');
    expect(stdout).toContain('1 event would change against policy.yaml\n');
    expect(stdout).toMatch(/^payment\.refund +flag > refuse +1 +rule refunds-say-why demands the field reason/m);
    expect(stdout + stderr).not.toContain('AKIA');
    expect(stdout + stderr).not.toContain('they asked');
  });

  test('names lines that are no events without quoting them, and ends with 2', async () => {
    write('broken.jsonl', 'Sesame\n{"action":"payment.refund"}\n{"acton":"Sesame"}\n');
    const { code, stdout, stderr } = await tidemark(['policy', 'test', 'policy.yaml', '--events', 'broken.jsonl'], {
      cwd,
    });
    expect(stderr).toContain('broken.jsonl:1: found no JSON\n');
    expect(stderr).toContain('broken.jsonl:3: acton: found a field that events do not have\n');
    expect(stdout).toContain('1 event: 0 accepted, 1 flagged, 0 refused');
    expect(stdout + stderr).not.toContain('Sesame');
    expect(code).toBe(2);
  });
});
