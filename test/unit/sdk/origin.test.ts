// Where a service finds its own name, version, commit, environment, region and host.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { resolveOptions } from '../../../producers/sdk/options.ts';
import { type Environment, findOrigin, type OriginOptions, surroundingsOf } from '../../../producers/sdk/origin.ts';
import { temporaryFolder } from '../../temporary.ts';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const OTHER = 'fedcba9876543210fedcba9876543210fedcba98';

interface Place {
  readonly env?: Environment;
  readonly files?: Readonly<Record<string, string>>;
  readonly folders?: readonly string[];
  readonly options?: OriginOptions;
}

const origin = ({ env = {}, files = {}, folders = ['/app/services/billing/dist'], options = {} }: Place) =>
  findOrigin(options, { env, folders, hostname: 'machine-1', read: path => files[path] });

test('nothing says nothing but the host', () => {
  expect(origin({})).toEqual({
    service: '',
    version: null,
    commit: null,
    environment: null,
    region: null,
    host: 'machine-1',
  });
});

test('the package.json nearest to the program that has a name', () => {
  const files = {
    '/app/package.json': '{ "name": "everything", "version": "0.0.1" }',
    '/app/services/billing/package.json': '{ "name": "@acme/billing", "version": "4.2.0" }',
    '/app/services/billing/dist/package.json': '{ "type": "module" }',
  };
  expect(origin({ files })).toMatchObject({ service: '@acme/billing', version: '4.2.0' });
  expect(origin({ files, folders: ['/elsewhere', '/app/x'] })).toMatchObject({
    service: 'everything',
    version: '0.0.1',
  });
  expect(origin({ files: { '/app/package.json': '{ broken' } })).toMatchObject({ service: '', version: null });
  const env = { npm_package_name: 'by-npm', npm_package_version: '1.1.1' };
  expect(origin({ env })).toMatchObject({ service: 'by-npm', version: '1.1.1' });
  expect(origin({ env, files })).toMatchObject({ service: '@acme/billing', version: '4.2.0' });
});

test('OpenTelemetry before the platform, the platform before files, options before all', () => {
  const files = { '/app/package.json': '{ "name": "file", "version": "1" }' };
  const platform = {
    K_SERVICE: 'run',
    AWS_REGION: 'eu-west-1',
    NODE_ENV: 'production',
    POD_NAME: 'pod-1',
    CI_COMMIT_SHA: OTHER,
  };
  expect(origin({ files, env: platform })).toEqual({
    service: 'run',
    version: '1',
    commit: OTHER,
    environment: 'production',
    region: 'eu-west-1',
    host: 'pod-1',
  });
  const resource = `service.name=otel,service.version=2,deployment.environment.name=st%20age,cloud.region=r1,k8s.pod.name=pod-2,vcs.ref.head.revision=${COMMIT}`;
  const env = { ...platform, OTEL_RESOURCE_ATTRIBUTES: resource };
  expect(origin({ files, env })).toEqual({
    service: 'otel',
    version: '2',
    commit: COMMIT,
    environment: 'st age',
    region: 'r1',
    host: 'pod-2',
  });
  expect(origin({ files, env: { ...env, OTEL_SERVICE_NAME: 'named' } }).service).toBe('named');
  const options = { service: 's', version: 'v', commit: 'c', environment: 'e', region: 'r', host: 'h' };
  expect(origin({ files, env, options })).toEqual(options);
});

test.each([
  'GIT_COMMIT',
  'GITHUB_SHA',
  'CI_COMMIT_SHA',
  'COMMIT_SHA',
  'BUILD_SOURCEVERSION',
  'CIRCLE_SHA1',
  'VERCEL_GIT_COMMIT_SHA',
])('the commit of %s', name => expect(origin({ env: { [name]: COMMIT } }).commit).toBe(COMMIT));

test.each<[string, Record<string, string>, string | null]>([
  ['detached', { '/app/.git/HEAD': `${COMMIT}\n` }, COMMIT],
  ['on a branch', { '/app/.git/HEAD': 'ref: refs/heads/main\n', '/app/.git/refs/heads/main': `${COMMIT}\n` }, COMMIT],
  [
    'packed',
    {
      '/app/.git/HEAD': 'ref: refs/heads/a/b\n',
      '/app/.git/packed-refs': `# pack-refs\n${OTHER} refs/heads/a\n${COMMIT} refs/heads/a/b\n`,
    },
    COMMIT,
  ],
  [
    'in a worktree',
    {
      '/app/.git': 'gitdir: ../main/.git/worktrees/app\n',
      '/main/.git/worktrees/app/HEAD': 'ref: refs/heads/x\n',
      '/main/.git/worktrees/app/commondir': '../..\n',
      '/main/.git/refs/heads/x': COMMIT,
    },
    COMMIT,
  ],
  ['of nothing yet', { '/app/.git/HEAD': 'ref: refs/heads/main\n' }, null],
  ['that is none', { '/app/.git/HEAD': 'nonsense' }, null],
])('git, %s', (_, files, commit) => expect(origin({ files }).commit).toBe(commit));

test('a real repository', () => {
  const folder = temporaryFolder();
  const git = (...words: string[]) =>
    execFileSync('git', ['-C', folder, '-c', 'user.name=t', '-c', 'user.email=t@example.com', ...words], {
      encoding: 'utf8',
    }).trim();
  git('init', '-q');
  git('commit', '-q', '--allow-empty', '-m', 'first');
  const src = join(folder, 'src');
  mkdirSync(src);
  writeFileSync(join(folder, 'package.json'), '{ "name": "real", "version": "9.9.9" }');
  const real = { ...surroundingsOf({}), folders: [src] };
  expect(findOrigin({}, real)).toMatchObject({ service: 'real', version: '9.9.9', commit: git('rev-parse', 'HEAD') });
  git('pack-refs', '--all');
  expect(findOrigin({}, real).commit).toBe(git('rev-parse', 'HEAD'));
});

test('this process', () => {
  const { auditor } = resolveOptions({ brokers: 'a:1', registry: 'http://r' }, {});
  expect(auditor.origin.service).toBe('tidemark');
  expect(auditor.origin.commit).toMatch(/^[0-9a-f]{40}$/);
});
