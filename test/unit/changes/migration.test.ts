import { expect, test } from 'vitest';
import { databaseName, migrationRunEvents, runStep } from '../../../producers/changes/index.ts';
import { createTestAuditor } from '../../../producers/sdk/testing/index.ts';

test.each([
  ['postgres://app:s3cret@db.internal/billing?sslmode=require', 'db.internal:5432/billing'],
  ['postgresql://app@db:6432/billing', 'db:6432/billing'],
  ['postgres://app@/billing?host=%2Frun%2Fpg', 'localhost:5432/billing'],
  ['mysql://app:s3cret@db:3306/billing', 'db:3306/billing'],
  ['jdbc:postgresql://db:5432/billing?user=app&password=s3cret', 'db:5432/billing'],
  ['jdbc:db2://db:50000/billing:user=app;password=s3cret;', null],
  ['jdbc:oracle:thin:app/s3cret@//db:1521/billing', null],
  ['jdbc:sqlserver://db:1433;databaseName=billing;password=s3cret', null],
  ['app:s3cret@db', null],
])('of %s neither user nor password is told', (url, name) => {
  let told: string;
  try {
    told = databaseName(url);
    expect(told).toBe(name);
  } catch (error) {
    told = String(error);
    expect([name, error]).toMatchObject([null, { code: 'no-database' }]);
  }
  expect(told).not.toContain('s3cret');
});

test('a run of a migration tool tells database, service, and version before and after', async () => {
  const auditor = createTestAuditor();
  const command = ['flyway', '-url=jdbc:postgresql://app:s3cret@db/billing', 'migrate'];
  const run = async () => ({ exitCode: 0, signal: null, durationMs: 42 });
  const of = { service: 'billing', database: 'db:5432/billing', command, approval: 'review/812' };
  const versionAfter = async () => '2.1';
  const versions = [{ versionBefore: null }, { versionBefore: undefined }] as const;
  for (const { versionBefore } of versions) {
    const events = migrationRunEvents({ ...of, versionBefore, versionAfter });
    await runStep(auditor, command, events, { strict: true, run });
  }
  const [start, finish, , untold] = auditor.events;
  expect(start).toMatchObject({
    action: 'migration.start',
    change: { perimeter: 'migration', approval: 'review/812' },
  });
  expect(finish).toMatchObject({
    action: 'migration.finish',
    outcome: 'success',
    targets: [
      { type: 'database', id: 'db:5432/billing', changes: [{ field: 'version', after: '2.1' }] },
      { type: 'service', id: 'billing' },
    ],
    attributes: { version: '2.1', 'exit-code': 0, 'duration-ms': 42 },
  });
  expect(untold?.targets[0]?.changes).toBeUndefined();
  expect(JSON.stringify(auditor.events)).not.toContain('s3cret');
});
