// Stories of the commands that need no server: what they demand before anything is asked, stored or shown.

import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { generatePem, signerFromPem } from '../../../core/edge/crypto.ts';
import { AUDIT_ACTIONS, checkEvent } from '../../../core/event/index.ts';
import { formatVerifierKey } from '../../../core/proof/note.ts';
import { temporaryFolder } from '../../temporary.ts';
import { goldenPath } from '../auditor/golden.ts';
import { tidemark } from './command.ts';

const order = '0b7c2a52-6f0c-4b52-9d5e-3c1a4a0f7d11';

function settings(more: Record<string, string> = {}): Record<string, string> {
  const folder = temporaryFolder();
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), 0o600);
    return join(folder, name);
  };
  const pem = generatePem();
  const secret = (n: number): string => `${Buffer.alloc(32, n).toString('base64')}\n`;
  return {
    TIDEMARK_ORIGIN: 'audit.example.com/test',
    TIDEMARK_APPROVERS: file('approvers', `${formatVerifierKey(signerFromPem('u-ada', pem).key)}\n`),
    TIDEMARK_APPROVER_KEY: file('ada.pem', pem),
    TIDEMARK_KEYS_BUCKET: 'keys',
    TIDEMARK_KEK: file('kek', secret(1)),
    TIDEMARK_LOOKUP_KEY: file('lookup', secret(2)),
    S3_ENDPOINT: 'http://127.0.0.1:1',
    AWS_ACCESS_KEY_ID: 'nobody',
    AWS_SECRET_ACCESS_KEY: 'nothing',
    KAFKA_BROKERS: '127.0.0.1:1',
    SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1',
    ...more,
  };
}

describe('erase and hold', () => {
  test.each([
    [['erase'], 'give --person'],
    [['erase', '--person', 'u-1'], 'give --reason'],
    [['erase', 'approve', order], 'give --person'],
    [['erase', '--person', 'u-1', '--key', 'p1.0', '--reason', 'asked'], 'cannot be used with'],
    [['hold', '--case', 'C-1'], 'give --person or --query'],
    [['hold', '--person', 'u-1'], 'give --case'],
    [['hold', '--person', 'u-1', '--query', 'action=a.b', '--case', 'C-1'], 'cannot be used with'],
    [['hold', '--query', 'name=Ada', '--case', 'C-1'], 'found the field "name"'],
    [['hold', 'lift', order], "required option '--reason <text>'"],
  ])('%j says what is missing', async (args, said) => {
    const { code, stderr } = await tidemark(args, { env: settings() });
    expect(stderr).toContain(said);
    expect(code).toBe(2);
  });

  test('all that is wrong with the settings is said at once', async () => {
    const none = {
      TIDEMARK_APPROVERS: '',
      TIDEMARK_APPROVER_KEY: '',
      TIDEMARK_ORIGIN: '',
      TIDEMARK_ERASE_DELAY: 'soon',
    };
    const { code, stderr } = await tidemark(['erase', '--person', 'u-1', '--reason', 'asked'], { env: settings(none) });
    for (const name of Object.keys(none)) expect(stderr).toContain(name);
    expect(code).toBe(2);
  });

  test("a key that is in nobody's name is none, and is not shown", async () => {
    const pem = generatePem();
    const env = settings({ TIDEMARK_APPROVER_KEY: pem });
    const { code, stderr } = await tidemark(['erase', '--person', 'u-1', '--reason', 'asked'], { env });
    expect(stderr).toContain('found a key that is not in TIDEMARK_APPROVERS');
    expect(stderr).not.toContain(pem.split('\n')[1]);
    expect(code).toBe(2);
  });

  test('a store that is down is said, and the person is not', async () => {
    const { code, stderr, stdout } = await tidemark(['erase', '--person', 'u-1842', '--reason', 'asked'], {
      env: settings(),
    });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('no certain answer');
    expect(stderr).not.toContain('u-1842');
  });
});

describe('read --reveal', () => {
  const read = ['read', goldenPath('objects', 'prod')];

  test('demands a reason, and a reason alone reveals nothing', async () => {
    for (const args of [['--reveal'], ['--reason', 'a test'], ['--reveal', '--reason', ' ']]) {
      const { code, stdout, stderr } = await tidemark([...read, ...args], { env: settings() });
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain('give --reveal and --reason together');
    }
  });

  test("demands one's own key and the keys' settings", async () => {
    for (const name of ['TIDEMARK_APPROVER_KEY', 'TIDEMARK_KEK']) {
      const env = settings({ [name]: '' });
      const { code, stdout, stderr } = await tidemark([...read, '--reveal', '--reason', 'a test'], { env });
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(name);
    }
  });
});

test('the actions of each step are reserved ones that the normalizer takes', () => {
  const steps = ['erase.request', 'erase.approve', 'erase.execute', 'erase.refuse'];
  const others = ['hold.place', 'hold.lift-request', 'hold.lift', 'day-key.expire', 'reveal'];
  const known = new Set<string>(Object.values(AUDIT_ACTIONS));
  for (const action of [...steps, ...others].map(name => `audit.${name}`)) {
    expect(known).toContain(action);
    const target = { type: 'data-key', id: 'p1.00', name: null, person: false, changes: [] };
    const nothing = {
      tenant: null,
      actor: null,
      origin: null,
      producer: null,
      request: null,
      change: null,
      reason: null,
    };
    const event = { id: order, occurredAt: 1.7e15, action, outcome: 'success', targets: [target], ...nothing } as const;
    expect(checkEvent({ ...event, targets: [...event.targets], corrects: null, attributes: [] }), action).toEqual([]);
  }
});
