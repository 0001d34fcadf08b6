// Retention on the real servers: what is promised is kept, what is over may go, and the verdict stays what it is.

import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { tidemark } from '../unit/cli/command.ts';
import { carelessEndpoint } from './retention-careless.ts';
import { Pipeline, type PipelineOptions, until } from './retention-pipeline.ts';

const open: Pipeline[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map(pipeline => pipeline.close()));
});

async function pipelineOf(options: PipelineOptions): Promise<Pipeline> {
  const pipeline = await Pipeline.open(options);
  open.push(pipeline);
  pipeline.start();
  pipeline.write();
  return pipeline;
}

/** Waits until something is locked no more; answers all versions of which that is so. */
const untilExpired = (pipeline: Pipeline, count: number) =>
  until(
    async () => {
      const now = Date.now() - 1500;
      const expired = (await pipeline.versions('events/')).filter(
        ({ lock, isDeleteMarker }) => !isDeleteMarker && lock < now,
      );
      return expired.length >= count ? expired : null;
    },
    () => `nothing expired:\n${pipeline.output.slice(-3000)}`,
  );

const green = async (pipeline: Pipeline, ...options: string[]): Promise<string> => {
  const { code, stdout, stderr } = await pipeline.verify(...options);
  expect(code, stdout + stderr).toBe(0);
  return stdout;
};

describe('retention', () => {
  test('a lifecycle rule takes what has expired, the verdict stays green; what a class demands stays', async () => {
    const classes = 'classes: [{ name: bank, keep: PT1H, tenant: bank-* }]';
    const pipeline = await pipelineOf({ retention: 'COMPLIANCE PT8S', classes });
    pipeline.add({ tenant: 'bank-1' });
    const expired = await untilExpired(pipeline, 3);
    // First the rule's marker, then its end of noncurrent versions, then that of markers without any.
    for (const { key } of expired) expect(await pipeline.remove(key)).toBe(true);
    expect(await green(pipeline, '--min-retention', 'PT8S')).not.toContain('FINDING');
    for (const { key, versionId } of expired) expect(await pipeline.remove(key, versionId)).toBe(true);
    expect(await green(pipeline, '--min-retention', 'PT8S')).toContain('report expired');
    const markers = (await pipeline.versions('events/')).filter(({ isDeleteMarker }) => isDeleteMarker);
    expect(markers.length).toBe(expired.length);
    for (const { key, versionId } of markers) expect(await pipeline.remove(key, versionId)).toBe(true);
    const verdict = await green(pipeline, '--min-retention', 'PT8S');
    expect(verdict).toMatch(new RegExp(`expired: ${expired.length} segments`));
    // What is not over stays, whatever is tried.
    const [bank, ...others] = (await pipeline.versions('events/')).filter(({ lock }) => lock > Date.now() + 1800_000);
    expect(others).toEqual([]);
    expect(await pipeline.remove(bank?.key ?? '', bank?.versionId)).toBe(false);
    const proof = [...(await pipeline.versions('batches/')), ...(await pipeline.versions('archive.json'))];
    for (const { key, versionId, lock } of proof) {
      expect(lock).toBeGreaterThanOrEqual(bank?.lock ?? 0);
      expect(await pipeline.remove(key, versionId)).toBe(false);
    }
    await green(pipeline);
  });

  test('a trial is a day of GOVERNANCE, says so at each start, and is a finding unless the auditor takes it', async () => {
    const classes = 'classes: [{ name: all, keep: P7Y, action: "*" }]';
    const pipeline = await pipelineOf({ retention: 'trial', classes });
    const first = await until(
      async () => (await pipeline.versions('batches/'))[1] ?? null,
      () => pipeline.output,
    );
    expect(await pipeline.bucket.lockOf(first.key, first.versionId)).toMatchObject({ mode: 'GOVERNANCE' });
    for (const { lock } of await pipeline.versions('')) expect(lock).toBeLessThan(Date.now() + 2 * 24 * 3600_000);
    const { code, stdout } = await pipeline.verify();
    expect(code).toBe(1);
    expect(stdout).toContain('lock-short: its lock is GOVERNANCE');
    expect(await green(pipeline, '--lock-mode', 'governance')).toContain('note: locks in GOVERNANCE mode');
    const again = pipeline.start();
    await until(
      async () => (pipeline.output.match(/TRIAL RETENTION/g)?.length === 2 ? true : null),
      () => pipeline.output,
    );
    expect(await pipeline.stop(again)).toBe(0);
  });

  test('extend makes the locks of a span and of its proof longer, in the mode that they have', async () => {
    const pipeline = await pipelineOf({ retention: 'GOVERNANCE PT1H' });
    await until(
      async () => ((await pipeline.versions('batches/')).length > 3 ? true : null),
      () => pipeline.output,
    );
    const time = new Date(Math.ceil(Date.now() / 1000) * 1000 + 24 * 3600_000);
    const to = new Date(Date.now() - 4000).toISOString().replace(/\.\d+Z/, 'Z');
    const args = [
      'retention',
      'extend',
      pipeline.location,
      '--until',
      time.toISOString().replace('.000Z', 'Z'),
      '--to',
      to,
    ];
    const { env } = pipeline;
    expect((await tidemark([...args, '--dry-run'], { env })).stdout).toMatch(/^segments: would extend [1-9]/);
    const ran = await tidemark(args, { env });
    expect(ran, ran.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/^segments: extended [1-9]/) });
    const long = (await pipeline.versions('events/')).filter(({ lock }) => lock === time.getTime());
    expect(long.length).toBeGreaterThan(0);
    for (const { key, versionId } of long)
      expect(await pipeline.bucket.lockOf(key, versionId)).toMatchObject({ mode: 'GOVERNANCE' });
    const sealed = (await pipeline.versions('batches/')).length;
    // What is sealed from now on goes along.
    const batches = await until(
      async () => {
        const found = await pipeline.versions('batches/');
        return found.length > sealed + 1 ? found : null;
      },
      () => pipeline.output,
    );
    for (const { key, lock } of batches) expect(lock, key).toBeGreaterThanOrEqual(time.getTime());
    expect((await tidemark(args, { env })).stdout).toMatch(/^segments: extended 0 of/);
    await green(pipeline, '--lock-mode', 'governance');
  });

  test('no archiver starts where locks keep nothing, or less firmly than the archive was begun', async () => {
    const pipeline = await Pipeline.open({ retention: 'COMPLIANCE PT1M' });
    open.push(pipeline);
    const careless = await carelessEndpoint(method => method === 'DELETE');
    const [code] = await once(pipeline.start({ S3_ENDPOINT: careless.url }), 'exit');
    careless.close();
    expect(code).toBe(1);
    expect(pipeline.output).toContain('a locked version could be deleted');
    expect((await pipeline.versions('')).map(({ key }) => key)).toEqual([
      expect.stringMatching(/^aside\/lock-probe\//),
    ]);
    pipeline.start();
    await until(
      async () => (await pipeline.versions('archive.json'))[0] ?? null,
      () => pipeline.output,
    );
    const [weaker] = await once(pipeline.start({ TIDEMARK_RETENTION: 'GOVERNANCE PT1M' }), 'exit');
    expect(weaker).toBe(1);
    expect(pipeline.output).toContain('begun with COMPLIANCE, TIDEMARK_RETENTION says GOVERNANCE');
  });

  test('who wants classes apart runs two archives: each with its own retention, and its own lifecycle rule', async () => {
    const short = await pipelineOf({ retention: 'COMPLIANCE PT6S', origin: 'tidemark.test/short', prefix: 'short' });
    const bucket = short.bucket.settings.bucket;
    const long = await pipelineOf({
      retention: 'COMPLIANCE PT1H',
      origin: 'tidemark.test/long',
      prefix: 'long',
      bucket,
    });
    const expired = await untilExpired(short, 3);
    for (const { key, versionId } of expired) {
      expect(await short.remove(key)).toBe(true);
      expect(await short.remove(key, versionId)).toBe(true);
    }
    expect(await green(short, '--min-retention', 'PT6S')).toContain(`expired: ${expired.length} segments`);
    const verdict = await green(long, '--min-retention', 'PT1H');
    expect(verdict).toMatch(/^INTACT: tidemark\.test\/long/);
    expect(verdict).not.toContain('expired');
    for (const { key, versionId } of await long.versions('events/'))
      expect(await long.remove(key, versionId)).toBe(false);
  });
});
