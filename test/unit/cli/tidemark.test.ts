// Stories: what an auditor types, and what comes back on standard output, standard error and as exit code.

import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../temporary.ts';
import { goldenCopy } from '../auditor/golden.ts';
import { launcher, repository, run, tidemark } from './command.ts';

const trust = ['--policy', 'policy', '--normalizer-keys', 'normalizer.vkey'];
const archive = 'objects/prod';
const intactAt = ['--at', '2026-01-05T14:30:00Z', '--min-retention', 'PT1H'];
const event = '01940000-0000-7000-8000-000000000093';
const segment = 'events/dt=2026-01-05/hour=11/00002-000-00000000000000000201.avro';

function alteredCopy(): string {
  const copy = goldenCopy();
  const bytes = readFileSync(join(copy, segment));
  bytes.writeUInt8(bytes.readUInt8(300) ^ 1, 300);
  writeFileSync(join(copy, segment), bytes);
  return copy;
}

describe('tidemark verify', () => {
  test('says of the golden archive that it is intact, with exactly its reports', async () => {
    const { code, stdout, stderr } = await tidemark(['verify', archive, ...trust, ...intactAt]);
    const [first, ...rest] = stdout.trimEnd().split('\n');
    expect(first).toMatch(/^INTACT: audit\.example\.com\/prod: 136 events, .*4 batches, .*: 0 findings, 6 reports$/);
    const kinds = rest.flatMap(line => /^(?:report|FINDING) [\w-]+/.exec(line) ?? []);
    expect(kinds.sort()).toEqual([...Array<string>(4).fill('report expired'), 'report late', 'report restart']);
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });

  test('names the altered object, its partition, offsets and events, and ends with 1', async () => {
    const { code, stdout } = await tidemark(['verify', alteredCopy(), ...trust, ...intactAt]);
    expect(stdout).toMatch(/^NOT INTACT: .*: \d+ findings?, /);
    const finding = stdout.slice(stdout.indexOf('FINDING segment-altered'));
    expect(finding).toContain(segment);
    expect(finding).toMatch(/period 2026-01-05T11:00:00Z, partition 2, .*raw offsets 201 to 210, 9 events/);
    expect(code).toBe(1);
  });

  test('gives its verdict as JSON', async () => {
    const { code, stdout } = await tidemark(['verify', archive, ...trust, ...intactAt, '--json']);
    const verdict = JSON.parse(stdout);
    expect(verdict).toMatchObject({ verdict: 'intact', findings: [], counts: { events: 136 }, log: { head: 4 } });
    expect(verdict.reports[0]).toMatchObject({ code: 'expired', offsets: { first: '0', next: '12' } });
    expect(code).toBe(0);
  });

  test('later than its log reaches, says that it is stale', async () => {
    const { code, stdout } = await tidemark(['verify', archive, ...trust, '--at', '2026-01-05T17:00:01Z']);
    expect(stdout).toMatch(/^NOT INTACT: .*: 1 finding, /);
    expect(stdout).toContain('FINDING stale');
    expect(code).toBe(1);
  });
});

test('tidemark --version says which it is', async () => {
  const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));
  expect(await tidemark(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
});

describe('tidemark read', () => {
  test('shows events as a table, what has expired, and how many are proven', async () => {
    const { code, stdout, stderr } = await tidemark(['read', archive, ...trust]);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(137);
    expect(lines[0]).toMatch(/^TIME \(UTC\) +ACTION +OUTCOME +ACTOR +TARGETS +SERVICE +PROOF$/);
    expect(stdout).toContain('u-5 (sealed)');
    expect(stderr).toContain('expired: 12 events');
    expect(stderr).toMatch(/^136 events: 136 proven$/m);
    expect(code).toBe(0);
  });

  test('filters, and gives JSON lines and CSV', async () => {
    const filter = ['--action', 'deploy*', '--from', '2026-01-05T13:00:00Z'];
    const json = await tidemark(['read', archive, ...trust, ...filter, '--format', 'jsonl']);
    const events = json.stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line));
    expect(
      events.every(({ proof, event: { action } }) => proof.status === 'proven' && action === 'deployment.start'),
    ).toBe(true);
    const csv = await tidemark(['read', archive, ...trust, ...filter, '--format', 'csv']);
    expect(csv.stdout.trimEnd().split('\r\n')).toHaveLength(events.length + 1);
  });

  test('without a policy shows events, but proves none: exit code 1', async () => {
    const { code, stderr } = await tidemark(['read', archive]);
    expect(stderr).toContain('136 events: 136 unproven: no policy given');
    expect(stderr).toContain('give --policy and --normalizer-keys');
    expect(code).toBe(1);
  });

  test('of an altered segment says which, shows the rest, and ends with 1', async () => {
    const { code, stderr } = await tidemark(['read', alteredCopy(), ...trust]);
    expect(stderr).toContain(`tidemark: problem: ${segment}: it has other bytes than its batch lists`);
    expect(stderr).toContain('127 proven');
    expect(code).toBe(1);
  });

  test('into a pipe that closes early is no error', async () => {
    const { stderr } = await tidemark(['read', archive, ...trust, '--format', 'jsonl'], { closeAfter: 1 });
    expect(stderr).not.toMatch(/EPIPE|Error/);
  });
});

describe('tidemark prove and check-receipt', () => {
  test('write a receipt, never over another, and show what it proves', async () => {
    const out = join(temporaryFolder(), 'event.tlog-proof');
    const proved = await tidemark(['prove', archive, '--event', event, ...trust, '--out', out]);
    expect(proved).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining(`wrote ${out}`) });
    const again = await tidemark(['prove', archive, '--event', event, ...trust, '--out', out]);
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('it exists already') });
    const checked = await tidemark(['check-receipt', out, ...trust]);
    expect(checked.stdout).toMatch(new RegExp(`^PROVEN: ${out}\n`));
    expect(checked.stdout).toContain(`"id": "${event}"`);
    expect(checked.stdout).toContain('cosigned by witness.example.org/w1');
    expect(checked.code).toBe(0);
  });

  test.each(readdirSync(join(repository, 'test/golden/receipts')))('the golden receipt %s holds', async name => {
    const { code, stdout } = await tidemark(['check-receipt', `receipts/${name}`, ...trust, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ holds: true });
    expect(code).toBe(0);
  });

  test('an altered receipt does not hold: exit code 1', async () => {
    const path = join(temporaryFolder(), 'altered');
    const text = readFileSync(join(repository, 'test/golden/receipts/0-3-7.tlog-proof'), 'utf8');
    writeFileSync(path, text.replace('index 0', 'index 1'));
    const { code, stdout } = await tidemark(['check-receipt', path, ...trust]);
    expect(stdout).toMatch(/^NOT PROVEN: .* the entry's proof does not lead to the root in the checkpoint\n/);
    expect(code).toBe(1);
  });

  test('an event that is nowhere: what was searched, exit code 2', async () => {
    const { code, stderr } = await tidemark(['prove', archive, '--event', 'e-0', ...trust]);
    expect(stderr).toContain('event e-0 was not found among 136 events in 15 segments; 12 events have expired');
    expect(code).toBe(2);
  });
});

describe('tidemark keys generate', () => {
  test('writes a private key that only its owner reads, prints the verifier key, never overwrites', async () => {
    const out = join(temporaryFolder(), 'seal.pem');
    const args = ['keys', 'generate', '--origin', 'example.org/a', '--role', 'normalizer', '--out', out];
    const made = await tidemark(args);
    expect(made.stdout).toMatch(/^example\.org\/a\/normalizer\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{44}\n$/);
    expect(made.stderr).toContain(`TIDEMARK_SEAL_KEY=${out}`);
    expect(statSync(out).mode & 0o777).toBe(0o600);
    const pem = readFileSync(out, 'utf8');
    expect(await tidemark(args)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('exists already'),
    });
    expect(readFileSync(out, 'utf8')).toBe(pem);
  });

  test('names a log key by the origin', async () => {
    const out = join(temporaryFolder(), 'log.pem');
    const made = await tidemark(['keys', 'generate', '--origin', 'example.org/a', '--role', 'archiver', '--out', out]);
    expect(made.stdout).toMatch(/^example\.org\/a\+/);
    expect(made.stderr).toContain(`TIDEMARK_LOG_KEY=${out}`);
  });

  test('names a source key by the service', async () => {
    const out = join(temporaryFolder(), 'billing.pem');
    const made = await tidemark(['keys', 'generate', '--service', 'billing', '--out', out]);
    expect(made.stdout).toMatch(/^billing\/source\+/);
    expect(made.stderr).toContain(`TIDEMARK_SOURCE_KEY=${out}`);
  });
});

describe('what could not be done ends with 2, says what was found and what to do, and shows no stack', () => {
  test.each([
    [['read', '/nowhere'], 'there is no folder /nowhere: give the folder that holds archive.json'],
    [['read', 'objects'], `objects is not an archive: did you mean ${archive}?`],
    [['read', archive, '--from', 'soon'], 'found "soon", expected a date'],
    [['read', archive, '--format', 'xml'], 'Allowed choices are table, jsonl, csv'],
    [['read', archive, '--policy', 'normalizer.vkey'], 'normalizer.vkey is no policy: policy, line 1'],
    [['verify', archive], "required option '--policy <file>' not specified"],
    [['verify', archive, '--policy', 'none', '--normalizer-keys', 'x'], 'there is no file none: give the policy file'],
    [['verify', archive, '--policy', 'policy', '--normalizer-keys', 'policy'], 'verifier key "log"'],
    [['check-receipt', 'none', ...trust], "the receipt none can't be read"],
    [['keys', 'generate', '--out', 'x'], 'give --origin and --role, --service, or --name'],
    [['keys', 'generate', '--service', 'a b', '--out', 'x'], 'found the service "a b"'],
    [['nonsense'], "unknown command 'nonsense'"],
  ])('tidemark %j', async (args, message) => {
    const { code, stdout, stderr } = await tidemark(args);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  test('a bucket that can not be reached', async () => {
    const env = { S3_ENDPOINT: 'http://127.0.0.1:9', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' };
    const { code, stderr } = await tidemark(['read', 's3://bucket/prefix'], { env });
    expect(stderr).toMatch(/^tidemark: .*s3:\/\/bucket\/prefix\/.* can't be read .*check S3_ENDPOINT/);
    expect(code).toBe(2);
  });
});

describe('the command itself', () => {
  test('helps, each command with examples', async () => {
    const help = await tidemark(['--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    const commands = [
      ['verify'],
      ['read'],
      ['prove'],
      ['check-receipt'],
      ['keys', 'generate'],
      ['retention', 'extend'],
    ];
    for (const command of commands) {
      expect(help.stdout).toContain(` ${command[0]} `);
      expect((await tidemark([...command, '--help'])).stdout).toContain(`$ tidemark ${command.join(' ')}`);
    }
  }, 30_000);

  test('retention extend says what it lacks, and touches no folder', async () => {
    const extend = (...args: string[]) => tidemark(['retention', 'extend', ...args]);
    expect(await extend('s3://audit/prod')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--until or --by'),
    });
    expect((await extend('objects/prod', '--by', 'P1Y')).stderr).toContain('a folder has no locks');
    expect((await extend('s3://audit', '--by', '7 years')).stderr).toContain('found duration "7 years"');
    expect((await extend('s3://audit', '--by', 'P1Y', '--until', '2040-01-01')).stderr).toContain(
      'cannot be used with',
    );
  }, 30_000);

  test('runs by npx from the repository, whatever Node comes first in the path', async () => {
    const { PATH = '' } = process.env;
    const path = PATH.split(':')
      .filter(folder => !folder.includes('node_modules'))
      .join(':');
    const { code, stdout } = await run('npx', ['tidemark', '--help'], {
      cwd: repository,
      env: { PATH: path, npm_config_offline: 'true' },
    });
    expect(stdout).toContain('Usage: tidemark');
    expect(code).toBe(0);
  });

  test('under an older Node, without the pinned one, says what to do', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'cli'));
    cpSync(launcher, join(folder, 'cli/tidemark.js'));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    const older = "Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.1.0'}})";
    const args = ['--import', `data:text/javascript,${encodeURIComponent(older)}`, join(folder, 'cli/tidemark.js')];
    const { code, stderr } = await run(process.execPath, args);
    expect(stderr).toMatch(
      /^tidemark: found Node 20\.1\.0, expected 24 or later.*run "npm ci" \(without --ignore-scripts/,
    );
    expect(code).toBe(2);
  });
});
