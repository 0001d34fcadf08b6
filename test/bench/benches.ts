// All benches by name, in the order in which `npm run bench` runs them.

import type { Bench } from './bench.ts';

export interface BenchEntry {
  readonly name: string;
  readonly about: string;
  /** It needs Kafka, a registry and S3: the runner starts them, or uses those that the environment names. */
  readonly servers: boolean;
  /** It takes long: run only where it is named. */
  readonly long: boolean;
  load(): Promise<{ readonly bench: Bench }>;
}

const quick = { servers: false, long: false };

export const benches: readonly BenchEntry[] = [
  {
    ...quick,
    name: 'parts',
    about: 'the normalizer without Kafka, each part on and off',
    load: () => import('./normalizer-parts.ts'),
  },
  {
    ...quick,
    name: 'throughput',
    about: 'the normalizer, and copies with kafkajs and with Kafka Streams',
    servers: true,
    load: () => import('./throughput.ts'),
  },
  {
    ...quick,
    name: 'archiver',
    about: 'the archiver, against a consumer that only writes the same bytes to S3',
    servers: true,
    load: () => import('./archiving.ts'),
  },
  {
    ...quick,
    name: 'verify',
    about: 'verifying an archive in a folder',
    load: () => import('./verify.ts'),
  },
  {
    ...quick,
    name: 'people',
    about: 'people that were never seen before, in one partition',
    servers: true,
    load: () => import('./new-people.ts'),
  },
  {
    ...quick,
    name: 'record',
    about: 'what record() costs its caller beyond a bare kafkajs send',
    servers: true,
    load: () => import('./record.ts'),
  },
  {
    ...quick,
    name: 'context',
    about: 'what record() costs its caller in a scope, without the way to Kafka',
    load: () => import('./context.ts'),
  },
  {
    ...quick,
    name: 'size',
    about: 'bytes of an event in the archive, against JSON lines under gzip',
    load: () => import('./size.ts'),
  },
  {
    ...quick,
    name: 'idle',
    about: 'what 24 idle partitions take of a core',
    servers: true,
    load: () => import('./idle.ts'),
  },
  {
    ...quick,
    name: 'latency',
    about: 'from append to readable and sealed, at half load',
    servers: true,
    load: () => import('./latency.ts'),
  },
  {
    ...quick,
    name: 'memory',
    about: 'memory of normalizer and archiver over --events N (10000000 was promised)',
    servers: true,
    load: () => import('./memory.ts'),
  },
];
