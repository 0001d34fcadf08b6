import { expect, test } from 'vitest';
import { type CommandEnd, runCommand, runStep, stepEvents } from '../../../producers/changes/index.ts';
import { createTestAuditor } from '../../../producers/sdk/testing/index.ts';

const ended = (exitCode: number): CommandEnd => ({ exitCode, signal: null, durationMs: 42 });
const step = { command: ['npm', 'run', 'deploy'], service: 'billing' };
const run = async () => ended(0);

test('a command is an event before it starts and one behind its end, of one step', async () => {
  const auditor = createTestAuditor();
  const seen: number[] = [];
  const { end, unrecorded } = await runStep(auditor, step.command, stepEvents(step), {
    strict: false,
    run: async command => {
      seen.push(auditor.events.length);
      expect(command).toEqual(step.command);
      return ended(0);
    },
  });
  expect([seen, end.exitCode, unrecorded]).toEqual([[1], 0, []]);
  const [start, finish] = auditor.events;
  expect(start).toMatchObject({
    action: 'pipeline-step.start',
    outcome: 'success',
    targets: [
      { type: 'pipeline-step', name: 'npm' },
      { type: 'service', id: 'billing' },
    ],
    attributes: { command: 'npm run deploy' },
  });
  expect(finish).toMatchObject({
    action: 'pipeline-step.finish',
    outcome: 'success',
    attributes: { command: 'npm run deploy', 'exit-code': 0, 'duration-ms': 42 },
  });
  expect(finish?.targets[0]?.id).toBe(start?.targets[0]?.id);
});

test('a command that fails, and one that a signal ended, are failures', async () => {
  const auditor = createTestAuditor();
  await runStep(auditor, step.command, stepEvents(step), { strict: false, run: async () => ended(3) });
  const signal = async (): Promise<CommandEnd> => ({ exitCode: 143, signal: 'SIGTERM', durationMs: 1 });
  await runStep(auditor, step.command, stepEvents(step), { strict: false, run: signal });
  expect(auditor.recorded({ action: 'pipeline-step.finish' })).toMatchObject([
    { outcome: 'failure', attributes: { 'exit-code': 3 } },
    { outcome: 'failure', attributes: { 'exit-code': 143, signal: 'SIGTERM' } },
  ]);
});

test('a secret on the command line does not leave the process', async () => {
  const auditor = createTestAuditor();
  const token = `ghp_${'a1B2'.repeat(9)}`;
  const secret = { command: ['deploy', '--token', token] };
  await runStep(auditor, secret.command, stepEvents(secret), { strict: false, run });
  expect(JSON.stringify(auditor.events)).not.toContain(token);
});

test('what can not be recorded stops nothing, and is told; with strict nothing is run', async () => {
  const auditor = createTestAuditor();
  auditor.away = true;
  const { end, unrecorded } = await runStep(auditor, step.command, stepEvents(step), { strict: false, run });
  expect([end.exitCode, unrecorded.length]).toEqual([0, 2]);
  let runs = 0;
  const counted = async () => {
    runs += 1;
    return ended(0);
  };
  await expect(runStep(auditor, step.command, stepEvents(step), { strict: true, run: counted })).rejects.toMatchObject({
    code: 'not-sent',
  });
  expect(runs).toBe(0);
});

test('a command that can not be started is a failure, and says so', async () => {
  const auditor = createTestAuditor();
  const missing = { command: ['tidemark-no-such-program'] };
  const options = { strict: false, run: (command: readonly string[]) => runCommand(command, process.env) };
  await expect(runStep(auditor, missing.command, stepEvents(missing), options)).rejects.toMatchObject({
    code: 'no-command',
    message: expect.stringContaining('(ENOENT)'),
  });
  expect(auditor.events.at(-1)).toMatchObject({ action: 'pipeline-step.finish', outcome: 'failure' });
});

test('exit code and signal of a real command', async () => {
  const node = (code: string) => runCommand([process.execPath, '-e', code], process.env);
  expect(await node('process.exit(7)')).toMatchObject({ exitCode: 7, signal: null });
  expect(await node("process.kill(process.pid, 'SIGKILL')")).toMatchObject({ exitCode: 137, signal: 'SIGKILL' });
});
