// `tidemark policy test --topic` on a real topic: what the normalizer would make of it, seen beside the group.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { tidemark } from '../unit/cli/command.ts';
import { createScene, encode, makeEvent, send } from './normalizer-program.ts';

const cwd = mkdtempSync(join(tmpdir(), 'tidemark-policy-'));
afterAll(() => rmSync(cwd, { recursive: true }));

const inForce =
  'version: 1\nrules:\n  - { name: closing, actions: [account.close], require: [reason], otherwise: flag }\n';
writeFileSync(join(cwd, 'policy.yaml'), inForce);
writeFileSync(join(cwd, 'new.yaml'), inForce.replace('otherwise: flag', 'otherwise: refuse'));

describe('tidemark policy test --topic', () => {
  test('shows what would change over the last hour of a topic, in all its partitions', async () => {
    const scene = await createScene(2);
    const events = Array.from({ length: 300 }, (_, n) => makeEvent(n, n % 3 === 0 ? { reason: 'asked' } : {}));
    const values = events.map(event => encode(scene.eventId, event));
    await send(scene, [...values.slice(0, 200), Buffer.from('no event')], 0);
    await send(scene, values.slice(200), 1);
    const args = ['policy', 'test', 'new.yaml', '--against', 'policy.yaml', '--topic'];
    const { code, stdout, stderr } = await tidemark(args, { cwd, env: scene.env });
    expect(stdout).toContain('300 events: 100 accepted, 0 flagged, 200 refused; masked in 0\n');
    expect(stdout).toContain('200 events would change against policy.yaml\n');
    expect(stdout).toMatch(/^account\.close +flag > refuse +200 +rule closing demands the field reason/m);
    expect(stderr).toBe('1 record left out: no valid event, or refused already\n');
    expect(code).toBe(0);
    const named = await tidemark(['policy', 'test', 'policy.yaml', '--topic', scene.names.raw, '--since', 'PT1S'], {
      cwd,
      env: { ...scene.env, TIDEMARK_RAW_TOPIC: 'not-this-one' },
    });
    expect(named.code).toBe(0);
  });

  test('without a broker ends with 2 and says so', async () => {
    const { env } = await createScene();
    const missing = await tidemark(['policy', 'test', 'policy.yaml', '--topic'], { cwd, env: { PATH: env.PATH } });
    expect(missing.stderr).toContain('KAFKA_BROKERS');
    expect(missing.code).toBe(2);
  });
});
