// What a pipeline records by `tidemark run` and `tidemark record`, on real servers, as an operator types it.

import { expect, test } from 'vitest';
import { createFresh, stackEnv } from '../stack.ts';
import { type Ran, tidemark } from '../unit/cli/command.ts';
import { readRaw } from './sdk-topic.ts';

test('a step and a deployment of a pipeline are in the topic, the exit code is the command’s', async () => {
  const { raw } = await createFresh();
  const env = { ...stackEnv(), TIDEMARK_RAW_TOPIC: raw, TIDEMARK_ENVIRONMENT: 'production' };
  const command = (args: string[]): Promise<Ran> => tidemark(args, { env });
  const code = "console.log(process.env.TIDEMARK_API_KEY ?? 'no key'); process.exit(7)";
  const ran = await command(['run', '--actor', 'u-9', '--service', 'billing', '--', process.execPath, '-e', code]);
  expect(ran).toEqual({ code: 7, stdout: 'no key\n', stderr: '' });
  const versions = ['--version', '4.2.0', '--previous', '4.1.9'];
  const deployed = await command(['record', 'deployment', 'finish', '--service', 'billing', ...versions]);
  expect(deployed).toMatchObject({ code: 0, stderr: 'recorded: deployment.finish of billing\n' });

  const records = await readRaw(raw, 5);
  const events = records.map(({ event }) => event).filter(({ action }) => action !== 'audit.close');
  expect(events).toMatchObject([
    { action: 'pipeline-step.start', outcome: 'success', actor: { kind: 'human', id: 'u-9', credential: null } },
    { action: 'pipeline-step.finish', outcome: 'failure', origin: { service: 'tidemark', environment: 'production' } },
    {
      action: 'deployment.finish',
      id: deployed.stdout.trim(),
      actor: null,
      targets: [{ type: 'service', id: 'billing', changes: [{ field: 'version' }] }],
    },
  ]);
});

test('where Kafka is away a command runs all the same and the failure is said; with --strict nothing runs', async () => {
  const env = { KAFKA_BROKERS: '127.0.0.1:1', SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1' };
  const words = ['--within', 'PT1S', '--', process.execPath, '-e', "console.log('it ran')"];
  const [ran, strict] = await Promise.all([
    tidemark(['run', ...words], { env }),
    tidemark(['run', '--strict', ...words], { env }),
  ]);
  expect(ran).toMatchObject({ code: 0, stdout: 'it ran\n' });
  expect(ran.stderr).toContain('the step was run and not recorded');
  expect(strict).toMatchObject({ code: 2, stdout: '' });
  expect(strict.stderr).toContain('could not be sent');
});

test('a deployment whose step, or whose commits, are none is not recorded', async () => {
  const step = await tidemark(['record', 'deployment', 'done', '--service', 'billing'], { env: stackEnv() });
  expect(step).toMatchObject({ code: 2, stderr: expect.stringContaining('expected start, finish, roll-back') });
  const commits = ['--commit', 'HEAD', '--previous-commit', '77ab01c'];
  const args = ['record', 'deployment', 'finish', '--service', 'billing', ...commits];
  expect(await tidemark(args, { env: stackEnv() })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('expected the id of a commit'),
  });
});
