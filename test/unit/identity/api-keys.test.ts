// API keys: their form, the file of their hashes, and what a check says of each.

import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { apiKeyId, generateApiKey } from '../../../producers/identity/api-key.ts';
import {
  API_KEY,
  createApiKey,
  listApiKeys,
  openApiKeyChecker,
  revokeApiKey,
} from '../../../producers/identity/index.ts';
import { temporaryFolder } from '../../temporary.ts';
import { codeOf } from './issuer.ts';

const NOW = Date.UTC(2026, 0, 5, 12);
const DAY = 86_400_000;
const grant = {
  actor: { kind: 'machine' as const, id: 'service/billing' },
  owner: 'u-77',
  roles: ['publisher'],
  by: 'u-9',
  expiresAt: NOW + 90 * DAY,
};

async function world(name = 'keys.yaml') {
  const file = join(temporaryFolder(), name);
  const time = { now: NOW };
  const { key, stored } = createApiKey(file, grant, NOW);
  const broken = vi.fn<(error: unknown) => void>();
  const reloaded = vi.fn<(keys: number) => void>();
  const checker = await openApiKeyChecker({
    file,
    issuer: 'audit.example.com',
    intervalMs: 10,
    onBroken: broken,
    onReload: reloaded,
    now: () => time.now,
  });
  const check = (text: string) => codeOf(checker.check({ kind: 'api-key', key: text }));
  return { file, time, key, stored, broken, reloaded, checker, check };
}

describe('form', () => {
  test('prefix, id, secret and checksum, found by a scanner in a text', () => {
    const { key, id, lastFour } = generateApiKey();
    expect(key).toMatch(/^tmk_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/);
    expect(`curl -H "X-Api-Key: ${key}"`.match(API_KEY)?.[0]).toBe(key);
    expect(apiKeyId(key)).toBe(id);
    expect(key.endsWith(lastFour)).toBe(true);
  });

  test('any character changed, left out or doubled is seen without asking anybody', () => {
    const { key } = generateApiKey();
    for (let at = 0; at < key.length; at++) {
      const other = key[at] === 'x' ? 'y' : 'x';
      expect(apiKeyId(`${key.slice(0, at)}${other}${key.slice(at + 1)}`)).toBeUndefined();
      expect(apiKeyId(key.slice(0, at) + key.slice(at + 1))).toBeUndefined();
      expect(apiKeyId(key.slice(0, at) + key.slice(at, at + 1) + key.slice(at))).toBeUndefined();
    }
  });

  test('no two are alike', () => {
    const keys = Array.from({ length: 200 }, () => generateApiKey());
    expect(new Set(keys.map(({ id }) => id)).size).toBe(200);
    expect(new Set(keys.map(({ key }) => key)).size).toBe(200);
  });
});

describe('check', () => {
  test('a key gives whom it stands for, with its owner', async () => {
    const { check, key, stored, checker } = await world();
    expect(await check(key)).toEqual({
      attribution: 'verified',
      actor: {
        kind: 'machine',
        id: 'service/billing',
        roles: ['publisher'],
        onBehalfOf: [],
        credential: {
          method: 'api-key',
          issuer: 'audit.example.com',
          subject: 'service/billing',
          keyId: stored.id,
          checkedAt: NOW * 1000,
        },
      },
      attributes: { 'api-key.owner': 'u-77' },
      expiresAt: grant.expiresAt,
    });
    checker.close();
  });

  test('a typo, an unknown key, a wrong secret under a known id, an expired and a revoked one', async () => {
    const { check, key, stored, time, file, reloaded, checker } = await world();
    expect(await check(`${key.slice(0, -1)}${key.endsWith('a') ? 'b' : 'a'}`)).toBe('malformed');
    expect(await check('')).toBe('malformed');
    expect(await check(generateApiKey().key)).toBe('unknown-key');
    // Nobody can tell whether the id or the secret was wrong.
    let other = generateApiKey();
    writeFileSync(file, readFileSync(file, 'utf8').replace(stored.hash, other.hash));
    await vi.waitFor(() => expect(reloaded).toHaveBeenCalledTimes(1), 10_000);
    expect(await check(key)).toBe('unknown-key');
    expect(await check(other.key)).toBe('unknown-key');
    other = { ...other, hash: stored.hash };
    writeFileSync(file, readFileSync(file, 'utf8').replace(/hash: .*/, `hash: ${other.hash}`));
    await vi.waitFor(() => expect(reloaded).toHaveBeenCalledTimes(2), 10_000);
    time.now = grant.expiresAt;
    expect(await check(key)).toBe('expired');
    time.now = NOW;
    revokeApiKey(file, stored.id, 'u-9', 'left in a log', NOW + 1000);
    await vi.waitFor(async () => expect(await check(key)).toBe('revoked'), 10_000);
    checker.close();
  });

  test('a file that breaks or is gone never takes effect, and somebody is told', async () => {
    const { check, key, file, broken, checker } = await world();
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('owner: u-77', `ownr: ${key}`));
    await vi.waitFor(() => expect(broken).toHaveBeenCalledTimes(1), 10_000);
    expect(String(broken.mock.calls[0]?.[0])).toMatch(/keys\.0/);
    expect(String(broken.mock.calls[0]?.[0])).not.toContain(key);
    expect(await check(key)).toMatchObject({ attribution: 'verified' });
    checker.close();
  });
});

describe('file', () => {
  test.each(['keys.yaml', 'keys.json'])('%s holds hashes only, is private, and is changed whole', async name => {
    const { file, key, stored, checker } = await world(name);
    const second = createApiKey(file, { ...grant, actor: { kind: 'human', id: 'u-5' } }, NOW);
    revokeApiKey(file, stored.id, 'u-9', undefined, NOW + 1000);
    const text = readFileSync(file, 'utf8');
    for (const one of [key, second.key]) {
      expect(text).not.toContain(one);
      expect(text).not.toContain(one.split('_')[2]);
      expect(text).toContain(one.slice(-4));
    }
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(file, '..'))).toEqual([name]);
    expect(listApiKeys(file)).toMatchObject([
      { id: stored.id, owner: 'u-77', created: { by: 'u-9' }, revoked: { at: '2026-01-05T12:00:01Z', by: 'u-9' } },
      { id: second.stored.id, actor: { kind: 'human', id: 'u-5' } },
    ]);
    expect(() => revokeApiKey(file, stored.id, 'u-1', undefined, NOW)).toThrow(/was revoked at .* by u-9/);
    expect(() => revokeApiKey(file, 'AAAAAAAAAAAA', 'u-1', undefined, NOW)).toThrow(/no key AAAAAAAAAAAA/);
    checker.close();
  });

  test('comments and its mode stay', async () => {
    const { file, checker } = await world();
    writeFileSync(file, `# kept by the platform team\n${readFileSync(file, 'utf8')}`);
    chmodSync(file, 0o640);
    createApiKey(file, grant, NOW);
    expect(readFileSync(file, 'utf8')).toMatch(/^# kept by the platform team\n/);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    checker.close();
  });

  test('while another one changes it, nobody does', async () => {
    const { file, checker } = await world();
    writeFileSync(`${file}.lock`, '');
    expect(() => createApiKey(file, grant, NOW)).toThrow(/another one changes the file/);
    expect(listApiKeys(file)).toHaveLength(1);
    checker.close();
  });

  test.each([
    ['an owner is missing', (text: string) => text.replace(/ +owner: .*\n/, ''), 'keys.0.owner'],
    ['an end is missing', (text: string) => text.replace(/ +expires: .*\n/, ''), 'keys.0.expires'],
    [
      'an end before its beginning',
      (text: string) => text.replace(/expires: .*/, 'expires: 2020-01-01T00:00:00Z'),
      'expires',
    ],
    ['a mail address as id', (text: string) => text.replace('u-77', 'ada@example.com'), 'keys.0.owner'],
    ['no digest', (text: string) => text.replace('sha256:', ''), 'keys.0.hash'],
    ['an id for the second time', (text: string) => text + text.slice(text.indexOf('  - id')), 'keys.1.id'],
    ['something that is not known', (text: string) => `${text}more: 1\n`, 'the file'],
    ['no YAML', () => '{', 'YAML'],
  ])('refused: %s', async (_, change, where) => {
    const { file, checker } = await world();
    checker.close();
    writeFileSync(file, change(readFileSync(file, 'utf8')));
    await expect(openApiKeyChecker({ file })).rejects.toMatchObject({
      code: 'invalid-file',
      message: expect.stringContaining(where),
    });
  });

  test('none there', async () => {
    await expect(openApiKeyChecker({ file: join(temporaryFolder(), 'none.yaml') })).rejects.toThrow(
      /can't be read \(ENOENT\)/,
    );
  });
});
