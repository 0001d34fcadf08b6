// A person is erased: everything of it real, from the service that records to the auditor who reads and verifies, before and after.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generatePem, signerFromPem } from '../../core/edge/crypto.ts';
import { openKeys } from '../../core/edge/keys/open.ts';
import { generateSecret } from '../../core/edge/keys/secret-file.ts';
import { keySettings } from '../../core/edge/keys/settings.ts';
import { formatVerifierKey } from '../../core/proof/note.ts';
import { sealKeyName } from '../../core/proof/seal.ts';
import { s3ConfigOf } from '../../infra/local/bucket.ts';
import { createAuditor } from '../../producers/sdk/index.ts';
import { createFresh, type FreshNames, stackEnv, stackVariable } from '../stack.ts';
import { type Ran, tidemark } from '../unit/cli/command.ts';
import { endPrograms, startProgram, until } from './normalizer-program.ts';

const origin = 'test.example/erase';
const person = { kind: 'human', id: 'u-1842', name: 'Ada Lovelace', email: 'ada@example.org' } as const;
const other = { kind: 'human', id: 'u-7', name: 'Grace Hopper' } as const;

const credentialsOf = () => ({
  accessKeyId: stackVariable('AWS_ACCESS_KEY_ID'),
  secretAccessKey: stackVariable('AWS_SECRET_ACCESS_KEY'),
});

describe('a person is erased', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-erase-'));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const s3 = new S3Client(s3ConfigOf(stackEnv()));
  const trust: string[] = [];
  let env: Record<string, string> = {};
  let names: FreshNames;
  let keysBucket = '';
  let archiver: ChildProcess;
  const operators: Record<string, Record<string, string>> = {};

  const run = (args: readonly string[], more: Record<string, string> = {}): Promise<Ran> =>
    tidemark(args, { env: { ...env, ...more } });
  const location = (): string => `s3://${names.bucket}/${names.prefix}`;
  const read = (args: readonly string[], more = operators.ben): Promise<Ran> =>
    run(['read', location(), ...trust, ...args], more);
  const reveal = (...args: string[]): Promise<Ran> => read(['--reveal', '--reason', 'a test', ...args]);
  const verify = (): Promise<Ran> => run(['verify', location(), ...trust]);
  const by = (who: string, ...args: string[]): Promise<Ran> => run(args, operators[who]);

  beforeAll(async () => {
    names = await createFresh();
    keysBucket = `keys-${names.bucket}`;
    await s3.send(new CreateBucketCommand({ Bucket: keysBucket }));
    const VersioningConfiguration = { Status: 'Enabled' } as const;
    await s3.send(new PutBucketVersioningCommand({ Bucket: keysBucket, VersioningConfiguration }));
    const [seal, log] = [generatePem(), generatePem()];
    const vkeyOf = (name: string, pem: string): string => `${formatVerifierKey(signerFromPem(name, pem).key)}\n`;
    const sealKeys = file('normalizer.vkey', vkeyOf(sealKeyName(origin), seal));
    trust.push('--policy', file('policy', `log ${vkeyOf(origin, log)}quorum none\n`), '--normalizer-keys', sealKeys);
    const pems = ['anna', 'ben', 'cleo'].map(name => [name, generatePem()] as const);
    for (const [name, pem] of pems) operators[name] = { TIDEMARK_APPROVER_KEY: file(`${name}.pem`, pem) };
    env = {
      ...stackEnv(),
      S3_BUCKET: names.bucket,
      S3_PREFIX: names.prefix,
      TIDEMARK_ORIGIN: origin,
      TIDEMARK_RAW_TOPIC: names.raw,
      TIDEMARK_EVENTS_TOPIC: names.events,
      TIDEMARK_CHANGES_TOPIC: 'off',
      TIDEMARK_PERIOD: 'PT3S',
      TIDEMARK_ENCRYPTION: 'on',
      TIDEMARK_KEYS_BUCKET: keysBucket,
      TIDEMARK_KEK: file('kek', generateSecret()),
      TIDEMARK_LOOKUP_KEY: file('lookup', generateSecret()),
      TIDEMARK_APPROVERS: file('approvers', pems.map(([name, pem]) => vkeyOf(`op-${name}`, pem)).join('')),
      TIDEMARK_ERASE_DELAY: 'PT1S',
    };
    await startProgram({ ...env, TIDEMARK_GROUP: names.group, TIDEMARK_SEAL_KEY: seal });
    archiver = spawn(process.execPath, ['consumers/archiver/main.ts'], {
      env: {
        ...process.env,
        ...env,
        TIDEMARK_GROUP: `${names.group}-archiver`,
        TIDEMARK_LOG_KEY: log,
        TIDEMARK_SEAL_VERIFIERS: sealKeys,
        TIDEMARK_RETENTION: 'COMPLIANCE PT1H',
        TIDEMARK_SEGMENT_AGE: 'PT1S',
      },
      stdio: 'ignore',
    });
    const auditor = createAuditor({
      service: 'accounts',
      brokers: stackVariable('KAFKA_BROKERS'),
      registry: stackVariable('SCHEMA_REGISTRY_URL'),
      topic: names.raw,
    });
    const target = { type: 'account', id: 'a-1', name: "Ada's account" };
    await auditor.record({ action: 'account.close', actor: person, target, reason: 'Ada wants it' });
    await auditor.record({ action: 'account.open', actor: other, target: { type: 'account', id: 'a-2' } });
    await auditor.close();
    await until('both events are proven', async () => {
      const { stdout } = await read(['--action', 'account.*', '--format', 'jsonl']);
      return stdout.split('"status":"proven"').length === 3;
    });
  }, 120_000);

  afterAll(async () => {
    endPrograms();
    const ended = once(archiver, 'exit');
    archiver.kill('SIGKILL');
    await ended;
    s3.destroy();
    rmSync(folder, { recursive: true });
  });

  const archivedActions = async (): Promise<string[]> => {
    const { stdout } = await read(['--action', 'audit.erase.*', '--action', 'audit.hold.*', '--format', 'jsonl']);
    return stdout.split('\n').flatMap(line => (line === '' ? [] : [JSON.parse(line).event.action]));
  };

  test('before: sealed for who has no keys, in clear for who reveals, and intact', async () => {
    const sealed = await read(['--action', 'account.*']);
    expect(sealed.stdout).toMatch(/u-1842 \(sealed\)/);
    expect(sealed.stdout).not.toContain('Lovelace');
    const revealed = await reveal('--action', 'account.*');
    expect(revealed, revealed.stderr).toMatchObject({ code: 0 });
    expect(revealed.stdout).toMatch(/u-1842 Ada Lovelace/);
    expect(revealed.stdout).toMatch(/u-7 Grace Hopper/);
    expect(await verify()).toMatchObject({ code: 0, stdout: expect.stringMatching(/^INTACT/) });
  }, 60_000);

  test('nothing is revealed that can not be recorded, or without a reason or a key', async () => {
    const nobody = { KAFKA_BROKERS: '127.0.0.1:1', ...operators.ben };
    const unrecorded = await run(['read', location(), '--reveal', '--reason', 'a test'], nobody);
    expect(unrecorded).toMatchObject({ code: 2, stdout: '' });
    expect(unrecorded.stderr).toContain("can't be recorded");
    expect(await read(['--reveal'])).toMatchObject({ code: 2, stdout: '' });
    expect(await read(['--reveal', '--reason', 'a test'], {})).toMatchObject({ code: 2, stdout: '' });
  }, 90_000);

  test('by two persons, not under a hold, and then every copy reads as erased', async () => {
    const asked = await by('anna', 'erase', '--person', person.id, '--reason', 'asked by letter', '--case', 'C-17');
    expect(asked, asked.stderr).toMatchObject({ code: 0 });
    expect(asked.stderr).toMatch(/raw topic keeps what was published in clear: until its retention, 20/);
    const id = asked.stdout.trim();
    expect(await by('anna', 'erase', 'approve', id, '--person', person.id)).toMatchObject({ code: 2 });
    expect(await by('ben', 'erase', 'approve', id, '--person', other.id)).toMatchObject({ code: 2 });
    const approved = await by('ben', 'erase', 'approve', id, '--person', person.id);
    expect(approved, approved.stderr).toMatchObject({ code: 0 });

    const query = 'action=account.close';
    const hold = await by('cleo', 'hold', '--query', query, '--case', 'C-9', '--reason', 'ordered by the court');
    expect(hold, hold.stderr).toMatchObject({ code: 0 });
    await until('it is held', async () => (await run(['erase', 'run'])).stdout.startsWith('held'));
    expect(await run(['erase', 'run'])).toMatchObject({ code: 1 });
    const lift = await by('cleo', 'hold', 'lift', hold.stdout.trim(), '--reason', 'the case is closed');
    expect(await by('cleo', 'hold', 'approve', lift.stdout.trim())).toMatchObject({ code: 2 });
    expect(await by('anna', 'hold', 'approve', lift.stdout.trim())).toMatchObject({ code: 0 });

    const ran = await run(['erase', 'run']);
    expect(ran, ran.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/^erased .* 1 version\n$/) });
    const after = await reveal('--action', 'account.*', '--format', 'jsonl');
    expect(after.stdout).not.toMatch(/Lovelace|ada@example|Ada wants/);
    expect(after.stdout).toContain('Grace Hopper');
    expect((await reveal('--action', 'account.*')).stdout).toMatch(/u-1842 \(erased\)/);
    expect(await verify()).toMatchObject({ code: 0, stdout: expect.stringMatching(/^INTACT/) });
    expect((await run(['erase', 'list'])).stdout).toMatch(/^done +erase.*\n.*hold.*\napproved +lift/);
  }, 180_000);

  test('each step is an event of the archive', async () => {
    const steps = ['hold.lift', 'hold.lift-request', 'hold.place', 'erase.approve', 'erase.execute', 'erase.refuse'];
    await until('all steps are archived', async () => {
      const actions = await archivedActions();
      return [...steps, 'erase.request'].every(step => actions.includes(`audit.${step}`));
    });
    const { stdout } = await read(['--action', 'audit.reveal', '--format', 'csv']);
    expect(stdout.split('\r\n').filter(line => line.includes('op-ben')).length).toBeGreaterThan(0);
  }, 60_000);

  test('with another lookup key nobody is asked for: it would be the wrong one', async () => {
    const wrong = { ...operators.anna, TIDEMARK_LOOKUP_KEY: file('wrong', generateSecret()) };
    const { code, stderr } = await run(['erase', '--person', other.id, '--reason', 'asked by letter'], wrong);
    expect(stderr).toContain('another lookup key');
    expect(code).toBe(2);
  }, 60_000);

  test("the key of a day's refused records goes at its end, once", async () => {
    const keys = openKeys(keySettings(env), { credentials: credentialsOf() });
    await keys.store.findOrCreate('d1.2020-01-01');
    const ran = await run(['erase', 'run']);
    expect(ran, ran.stderr).toMatchObject({ code: 0, stdout: 'expired  the key of 2020-01-01\n' });
    expect((await keys.store.find('d1.2020-01-01'))?.key).toBe('erased');
    keys.close();
    expect(await run(['erase', 'run'])).toMatchObject({ code: 0, stdout: '' });
    await until('it is archived', async () => {
      const { stdout } = await read(['--action', 'audit.day-key.expire', '--format', 'csv']);
      return stdout.includes('data-key/d1.2020-01-01');
    });
  }, 60_000);

  test('after the key-encryption key was rotated a person is still found, and held', async () => {
    const [old, next] = [env.TIDEMARK_KEK, file('next', generateSecret())];
    const rewrapped = await run(['keys', 'rewrap'], { TIDEMARK_KEK: `${next},${old}` });
    expect(rewrapped, rewrapped.stderr).toMatchObject({ code: 0 });
    const rotated = { TIDEMARK_KEK: next };
    const revealed = await read(['--reveal', '--reason', 'a test', '--actor', other.id], {
      ...operators.ben,
      ...rotated,
    });
    expect(revealed.stdout).toContain('Grace Hopper');
    const hold = ['hold', '--person', other.id, '--case', 'C-10', '--reason', 'ordered by the court'];
    expect(await run(hold, operators.cleo)).toMatchObject({ code: 0 });
    const asked = await run(['erase', '--person', other.id, '--reason', 'asked'], { ...operators.anna, ...rotated });
    expect(asked).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('case C-10') });
  }, 60_000);

  test('no version of the key is left, and the bucket of keys names nobody', async () => {
    const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket: keysBucket }));
    expect(DeleteMarkers).toEqual([]);
    let tombstones = 0;
    for (const { Key = '', VersionId } of Versions) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: keysBucket, Key, VersionId }));
      const text = Key + (await Body?.transformToString());
      expect(text).not.toMatch(/u-1842|Lovelace/);
      if (!text.includes('"erased"')) continue;
      tombstones++;
      expect(Versions.filter(version => version.Key === Key)).toHaveLength(1);
    }
    expect(tombstones).toBe(2);
  }, 60_000);
});
