// versitygw over a folder, as a second S3 server with versions and Object Lock: what one server lets pass, another may not. It knows no
// default retention, so each object is put with its own lock; and extended attributes are needed where its folder lies.

import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { s3ConfigOf } from './bucket.ts';
import { spawnGuarded } from './child.ts';
import { fetchOnce, isFetched, type Progress } from './fetch/once.ts';
import { versitygwPackage } from './fetch/packages.ts';
import { requireTools } from './fetch/tools.ts';
import { createRunFolder, removeRunFolder } from './folders.ts';
import { waitUntilHealthy } from './health.ts';
import { onFreePorts } from './ports.ts';
import { LOCAL_REGION } from './s3.ts';

export type Versitygw = {
  /** The variables that point an S3 client to it. */
  readonly env: Record<string, string>;
  stop(): Promise<void>;
};

export async function startVersitygw(progress: Progress = () => {}): Promise<Versitygw> {
  if (!isFetched(versitygwPackage)) requireTools(['go']);
  const program = join(await fetchOnce(versitygwPackage, progress), 'bin', 'versitygw');
  return onFreePorts(1, async ([port]) => {
    const folder = await createRunFolder('versitygw');
    const logFile = join(folder, 'versitygw.log');
    const env = {
      S3_ENDPOINT: `http://127.0.0.1:${port}`,
      AWS_REGION: LOCAL_REGION,
      AWS_ACCESS_KEY_ID: `TIDEMARK${randomBytes(6).toString('hex').toUpperCase()}`,
      AWS_SECRET_ACCESS_KEY: randomBytes(20).toString('hex'),
    };
    try {
      for (const name of ['data', 'versions']) await mkdir(join(folder, name));
      const settings = ['--port', `127.0.0.1:${port}`, '--region', LOCAL_REGION, '--quiet'];
      const backEnd = ['posix', '--versioning-dir', join(folder, 'versions'), join(folder, 'data')];
      const child = await spawnGuarded(program, [...settings, ...backEnd], {
        logFile,
        cwd: folder,
        env: { ...process.env, ROOT_ACCESS_KEY: env.AWS_ACCESS_KEY_ID, ROOT_SECRET_KEY: env.AWS_SECRET_ACCESS_KEY },
      });
      const client = new S3Client({ ...s3ConfigOf(env), maxAttempts: 1 });
      await waitUntilHealthy('versitygw', child, logFile, () => client.send(new ListBucketsCommand()));
      client.destroy();
      const stop = async (): Promise<void> => {
        await child.end('SIGKILL');
        removeRunFolder(folder);
      };
      return { env, stop };
    } catch (error) {
      removeRunFolder(folder);
      throw error;
    }
  });
}
