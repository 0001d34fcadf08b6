// That a stack ends with its owner, however that goes, and that a broker that was taken away comes back as it was.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Kafka, logLevel } from 'kafkajs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { stackFolder, sweepRunFolders } from '../../infra/local/folders.ts';
import { startKafka } from '../../infra/local/kafka.ts';
import { createTopics } from '../../infra/local/topics.ts';
import { descendantsOf, isRunning } from '../processes.ts';

const MAIN = fileURLToPath(new URL('../../infra/local/main.ts', import.meta.url));

describe('npm run stack', () => {
  let folder: string;
  let owner: ChildProcess;
  let output: string;

  // A stack folder of its own, with the downloads of the usual one, so that only these runs are in it.
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidemark-stack-'));
    for (const name of readdirSync(stackFolder())) {
      if (/^(kafka|apicurio|seaweedfs)/.test(name)) symlinkSync(join(stackFolder(), name), join(folder, name));
    }
  });

  afterEach(() => {
    vi.unstubAllEnvs();
    owner.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  /** Starts it, and resolves when it has printed its variables, with the pids of the three servers among its children. */
  async function startMain(...args: string[]): Promise<number[]> {
    owner = spawn(process.execPath, [MAIN, ...args], {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, TIDEMARK_STACK_DIR: folder },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    output = '';
    owner.stdout?.on('data', chunk => {
      output += chunk;
    });
    await vi.waitFor(() => expect(output).toContain('TIDEMARK_LOOKUP_KEY'), { timeout: 100_000, interval: 50 });
    const children = descendantsOf(owner.pid ?? 0);
    expect(children.length).toBeGreaterThanOrEqual(3);
    return children;
  }

  const expectGone = (pids: number[]) =>
    vi.waitFor(() => expect(pids.filter(isRunning)).toEqual([]), { timeout: 10_000, interval: 50 });

  test('prints variables that can be pasted, and at Ctrl-C ends all and removes their data', async () => {
    const children = await startMain('--partitions', '2');
    const names = output.trim().split('\n');
    for (const line of names) expect(line).toMatch(/^export [A-Z0-9_]+=[\w.:/-]+$/);
    expect(names.map(line => /^export (\w+)=/.exec(line)?.[1])).toEqual([
      'KAFKA_BROKERS',
      'SCHEMA_REGISTRY_URL',
      'S3_ENDPOINT',
      'AWS_ACCESS_KEY_ID',
      'AWS_SECRET_ACCESS_KEY',
      'AWS_REGION',
      'S3_BUCKET',
      'TIDEMARK_ENCRYPTION',
      'TIDEMARK_KEYS_BUCKET',
      'TIDEMARK_KEYS_PREFIX',
      'TIDEMARK_KEK',
      'TIDEMARK_LOOKUP_KEY',
    ]);
    const brokers = /KAFKA_BROKERS=(.*)/.exec(output)?.[1] ?? '';
    await createTopics(brokers, { raw: 'audit.raw', events: 'audit.events', partitions: 2 });
    expect(readdirSync(join(folder, 'run'))).toHaveLength(4);

    owner.kill('SIGINT');
    const code = await new Promise(resolve => owner.once('exit', resolve));
    expect(code).toBe(0);
    await expectGone(children);
    expect(readdirSync(join(folder, 'run'))).toEqual([]);
  });

  test('leaves no server behind when it is killed by SIGKILL, and its data to the next to be swept', async () => {
    const children = await startMain();
    owner.kill('SIGKILL');
    await expectGone([...children, owner.pid ?? 0]);
    vi.stubEnv('TIDEMARK_STACK_DIR', folder);
    await vi.waitFor(() => {
      sweepRunFolders(); // for as long as the killed process waits to be reaped, its pid is taken
      expect(readdirSync(join(folder, 'run'))).toEqual([]);
    }, 10_000);
  });

  test('ends, and says so, when one of its servers does', async () => {
    const children = await startMain();
    const exit = new Promise(resolve => owner.once('exit', resolve));
    for (const pid of children.slice(0, 1)) process.kill(pid, 'SIGKILL');
    expect(await exit).toBe(1);
    await expectGone(children);
  });
});

describe('a broker', () => {
  test('that was killed, or restarted, comes back on its port with its data', async () => {
    const kafka = await startKafka({
      properties: { 'broker.session.timeout.ms': '3000', 'broker.heartbeat.interval.ms': '500' },
    });
    try {
      const client = new Kafka({ brokers: [kafka.brokers], logLevel: logLevel.NOTHING });
      await createTopics(kafka.brokers, { raw: 'raw', events: 'events', partitions: 1 });
      const send = async (value: string) => {
        const producer = client.producer();
        await producer.connect();
        await producer.send({ topic: 'raw', acks: -1, messages: [{ value }] });
        await producer.disconnect();
      };
      await send('before');
      const first = kafka.pid;
      await kafka.kill();
      expect(isRunning(first)).toBe(false);
      await kafka.restart();
      await send('between');
      const second = kafka.pid;
      await kafka.restart();
      await send('after');
      expect(new Set([first, second, kafka.pid]).size).toBe(3);
      const admin = client.admin();
      await admin.connect();
      expect(await admin.fetchTopicOffsets('raw')).toMatchObject([{ low: '0', high: '3' }]);
      await admin.disconnect();
    } finally {
      await kafka.stop();
    }
  });
});
