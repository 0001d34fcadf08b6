// `npm run stack`: the servers, the topics and the bucket, until Ctrl-C. Standard output has the variables alone, one
// `export NAME=value` a line, to be pasted or parsed; what is for people goes to standard error.

import { parseArgs } from 'node:util';
import { kafkaSettings, SettingsError } from '../../core/edge/settings.ts';
import { createLockedBucket, s3ConfigOf } from './bucket.ts';
import { StackError } from './errors.ts';
import { createKeys } from './keys.ts';
import { type Stack, startStack } from './stack.ts';
import { createTopics } from './topics.ts';

const BUCKET = 'tidemark';

const HELP = `usage: npm run -s stack -- [--partitions N]

Starts Kafka, the schema registry and an S3 server on this machine, with the topics audit.raw and audit.events, the
bucket ${BUCKET}, and keys for personal data; prints their variables; ends them at Ctrl-C. A server that KAFKA_BROKERS, SCHEMA_REGISTRY_URL or
S3_ENDPOINT names is used instead of starting one.

  --partitions N  of each topic, 3 by default`;

const say = (line: string) => process.stderr.write(`${line}\n`);

async function main(): Promise<void> {
  const partitions = readPartitions();
  const started = Date.now();
  let ready = false;
  const stopped = stopSignal(() => ready);
  const stack = await startStack({ progress: say });
  ready = true;
  try {
    await createTopics(kafkaSettings(stack.env), { raw: 'audit.raw', events: 'audit.events', partitions });
    await createLockedBucket(s3ConfigOf(stack.env), BUCKET);
    const personal = await createKeys(s3ConfigOf(stack.env), `${BUCKET}-keys`);
    const lines = Object.entries({ ...stack.env, S3_BUCKET: BUCKET, ...personal }).map(exportLine);
    process.stdout.write(lines.join(''));
    say(`ready in ${((Date.now() - started) / 1000).toFixed(1)} s; Ctrl-C stops it`);
    await Promise.race([stopped, anyServerEnds(stack)]);
  } finally {
    await stack.stop();
  }
}

function readPartitions(): number {
  const { values } = parseArguments();
  if (values.help) {
    say(HELP);
    process.exit(0);
  }
  const partitions = Number(values.partitions);
  if (Number.isInteger(partitions) && partitions > 0) return partitions;
  throw new StackError('bad-settings', `--partitions is ${values.partitions}; it has to be a whole number above 0`);
}

function parseArguments() {
  try {
    return parseArgs({
      options: { partitions: { type: 'string', default: '3' }, help: { type: 'boolean', short: 'h', default: false } },
    });
  } catch (cause) {
    throw new StackError('bad-settings', `${cause instanceof Error ? cause.message : cause}; see --help`, { cause });
  }
}

/** Resolves at the first signal once `isReady`; before that, the exit itself ends whatever was begun, downloads too. */
function stopSignal(isReady: () => boolean): Promise<void> {
  return new Promise(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => (isReady() ? resolve() : process.exit(130)));
    }
  });
}

async function anyServerEnds(stack: Stack): Promise<never> {
  const servers = { Kafka: stack.kafka, 'the schema registry': stack.registry, 'the S3 server': stack.s3 };
  const ends = Object.entries(servers).flatMap(([name, server]) => (server ? [server.exited.then(() => name)] : []));
  const ended = await (ends.length > 0 ? Promise.race(ends) : new Promise<never>(() => {}));
  throw new StackError('start-failed', `${ended} has ended by itself`);
}

function exportLine([name, value]: [string, string]): string {
  const plain = /^[\w@%+=:,./-]+$/.test(value);
  return `export ${name}=${plain ? value : `'${value.replaceAll("'", "'\\''")}'`}\n`;
}

main().catch(error => {
  say(
    error instanceof StackError || error instanceof SettingsError
      ? error.message
      : String(error instanceof Error ? error.stack : error),
  );
  process.exit(1);
});
