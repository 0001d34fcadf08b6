import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { commitsBetween, deploymentEvent } from '../../../producers/changes/index.ts';
import { createTestAuditor } from '../../../producers/sdk/testing/index.ts';
import { temporaryFolder } from '../../temporary.ts';

test('a deployment says what ran before, what runs now, and what lies between', async () => {
  const auditor = createTestAuditor();
  await auditor.record(
    deploymentEvent('finish', {
      service: 'billing',
      version: '4.2.0',
      previousVersion: '4.1.9',
      commit: '9f1c2ab',
      commits: ['9f1c2ab', '8e0b1aa'],
      approval: 'review/812',
      run: 'https://ci.example.com/runs/7',
      reference: 'OPS-12',
    }),
  );
  expect(auditor.events).toMatchObject([
    {
      action: 'deployment.finish',
      outcome: 'success',
      targets: [{ type: 'service', id: 'billing', changes: [{ field: 'version', before: '4.1.9', after: '4.2.0' }] }],
      change: {
        perimeter: 'deployment',
        reference: 'OPS-12',
        run: 'https://ci.example.com/runs/7',
        approval: 'review/812',
      },
      attributes: { version: '4.2.0', commit: '9f1c2ab', 'deployment.commits': ['9f1c2ab', '8e0b1aa'] },
    },
  ]);
});

test('a step of which little is known is an event too', async () => {
  const auditor = createTestAuditor();
  await auditor.record(deploymentEvent('roll-back', { service: 'billing', outcome: 'failure' }));
  expect(auditor.events).toMatchObject([
    { action: 'deployment.roll-back', outcome: 'failure', targets: [{ type: 'service', id: 'billing' }] },
  ]);
});

test('the commits between two come from git, the newest first', async () => {
  const folder = temporaryFolder();
  const git = (...args: string[]): string => {
    const identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.com', '-c', 'commit.gpgsign=false'];
    return execFileSync('git', [...identity, ...args], { cwd: folder, encoding: 'utf8', stdio: 'pipe' }).trim();
  };
  git('init', '--quiet');
  const commits = ['first', 'second', 'third'].map(message => {
    git('commit', '--quiet', '--allow-empty', '--message', message);
    return git('rev-parse', 'HEAD');
  });
  const [first = '', second = '', third = ''] = commits;
  expect(await commitsBetween(first, third, folder)).toEqual([third, second]);
  expect(await commitsBetween(third, first, folder)).toEqual([]);
  const noCommits = { name: 'ChangeError', code: 'no-commits' };
  await expect(commitsBetween('a'.repeat(40), third, folder)).rejects.toMatchObject(noCommits);
  await expect(commitsBetween('--output=x', third, folder)).rejects.toMatchObject(noCommits);
});
