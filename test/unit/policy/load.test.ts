import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type LoadedPolicy,
  loadPolicy,
  type PolicyError,
  type PolicySource,
  parsePolicyFile,
  policyChangeEvent,
} from '../../../consumers/normalizer/policy/index.ts';
import { checkEvent } from '../../../core/event/index.ts';
import { recordOf } from './records.ts';

const first = 'version: 1\nrules:\n  - { name: one, actions: ["*"], outcome: flag }\n';
const second = first.replace('one', 'two');
const folders: string[] = [];
const sources: PolicySource[] = [];

afterEach(() => {
  for (const source of sources.splice(0)) source.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function watched(text: string) {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-policy-'));
  folders.push(folder);
  const path = join(folder, 'policy.yaml');
  writeFileSync(path, text);
  const changes: [LoadedPolicy, LoadedPolicy][] = [];
  const broken: PolicyError[] = [];
  const source = loadPolicy({
    path,
    pollMs: 5,
    onChange: (from, to) => void changes.push([from, to]),
    onBroken: error => void broken.push(error),
  });
  sources.push(source);
  return { path, folder, source, changes, broken };
}

async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 10_000; !condition(); await delay(5)) {
    if (Date.now() > deadline) throw new Error('not within 10 s');
  }
}

describe('a watched policy', () => {
  test('comes into force when its file is replaced, and says what was before', async () => {
    const { path, folder, source, changes } = watched(first);
    writeFileSync(join(folder, 'new'), second);
    renameSync(join(folder, 'new'), path);
    await until(() => changes.length === 1);
    expect(changes[0]?.map(({ text }) => text)).toEqual([first, second]);
    expect(source.current().text).toBe(second);
  });

  test('a broken file and a missing one leave the last good one in force, with one alarm each', async () => {
    const { path, source, changes, broken } = watched(first);
    writeFileSync(path, `${second}  - { name: 3 }\n`);
    await until(() => broken.length === 1);
    expect(source.problem()?.code).toBe('invalid');
    rmSync(path);
    await until(() => broken.length === 2);
    expect(source.problem()?.code).toBe('unreadable');
    expect(source.current().text).toBe(first);
    writeFileSync(path, first);
    await until(() => source.problem() === null);
    expect([changes.length, broken.length]).toEqual([0, 2]);
  });

  test('half of a file is not taken for all of it', async () => {
    const { path, source, changes } = watched(first);
    // Each text is there for less than two readings.
    for (let n = 0; n < 20; n++) {
      writeFileSync(path, `version: 1\nrules: []\n# ${'.'.repeat(n)}\n`);
      await delay(1);
    }
    writeFileSync(path, second);
    await until(() => source.current().text === second);
    expect(changes.length).toBeLessThan(20);
    expect(changes.at(-1)?.[1].text).toBe(second);
  });

  test('without a valid one there is no start', () => {
    expect(() => watched('version: 2\n')).toThrow(/policy\.yaml:1: version: found 2, expected 1$/);
    const options = { path: '/nowhere/policy.yaml', onChange: () => {}, onBroken: () => {} };
    expect(() => loadPolicy(options)).toThrow(/can't be read \(ENOENT\)/);
  });

  test('none configured is the default one', () => {
    const source = loadPolicy({ path: null, onChange: () => {}, onBroken: () => {} });
    expect(source.current().text).toContain('secrets: true');
  });
});

describe('the event of a change', () => {
  const place = { service: 'tidemark-normalizer', host: 'host-1', nowMs: 1_767_600_000_000 };
  const from = parsePolicyFile(first);
  const to = parsePolicyFile(second);

  test('is valid, with both digests and the new text', () => {
    const event = policyChangeEvent({ from, to }, place);
    expect(checkEvent(event)).toEqual([]);
    expect(event).toMatchObject({ action: 'audit.policy.change', outcome: 'success' });
    expect(event.targets[0]?.changes).toEqual([
      {
        field: 'digest',
        before: { type: 'string', text: from.digest },
        after: { type: 'string', text: to.digest },
      },
      { field: 'text', before: null, after: { type: 'string', text: second } },
    ]);
    expect(checkEvent(policyChangeEvent({ from: null, to }, place))).toEqual([]);
  });

  test('of a broken file is a failure that quotes nothing of it', () => {
    let broken: PolicyError | undefined;
    try {
      parsePolicyFile('version: 1\nrules: [Sesame]\n');
    } catch (error) {
      broken = error as PolicyError;
    }
    if (!broken) throw new Error('the policy is valid');
    const event = policyChangeEvent({ from, broken }, place);
    expect(checkEvent(event)).toEqual([]);
    expect(event.outcome).toBe('failure');
    expect(JSON.stringify(event)).not.toContain('Sesame');
    expect(event.attributes).toContainEqual({ key: 'problem.lines', value: { type: 'json', text: '[2]' } });
  });

  test('is never refused by a rule that is too wide', () => {
    const wide = parsePolicyFile("version: 1\nrules: [{ name: all, actions: ['*', 'audit.*'], outcome: refuse }]\n");
    expect(wide.apply(recordOf({ action: 'account.close' })).refuse).not.toBeNull();
    const record = recordOf(policyChangeEvent({ from, to }, place));
    expect(wide.apply(record).refuse).toBeNull();
  });
});
