import { type Command, Option } from 'commander';
import { AuditorError } from '../../auditor/error.ts';
import { parseKeep } from '../../core/edge/retention.ts';
import { type Extended, type ExtensionResult, extendLocks } from '../../core/edge/s3/extend-locks.ts';
import { openS3Bucket, type S3Bucket } from '../../core/edge/s3/s3-bucket.ts';
import { archiveKey } from '../../core/proof/batch.ts';
import { formatTime } from '../../core/proof/period.ts';
import { durationArgument, timeArgument } from '../arguments.ts';
import { count, print } from '../output.ts';

type Options = { until?: number; by?: number; from?: number; to?: number; dryRun?: boolean };

const examples = `
A lock that was made longer in COMPLIANCE mode can't be made shorter again, by nobody. A lock is never made shorter here. With --by
it is made so much longer than the segment's batch lists, so that doing it again changes nothing.

With the segments goes all that proves them: archive.json, every batch, the log; what is sealed later goes along. Credentials
need s3:PutObjectRetention, s3:GetObjectRetention, s3:GetObjectVersion and s3:ListBucketVersions.

Examples:
  $ tidemark retention extend s3://audit/prod --until 2040-01-01 --from 2026-01-05 --to 2026-01-07 --dry-run
  $ tidemark retention extend s3://audit/prod --by P3Y --from 2026-01-05 --to 2026-01-07`;

export function addRetention(program: Command): void {
  program
    .command('retention')
    .description('How long evidence is kept.')
    .command('extend')
    .summary('make locks longer, never shorter')
    .description('Locks the segments of a span of time for longer, and all that proves them.')
    .argument('<location>', 's3://bucket/prefix')
    .addOption(
      new Option('--until <time>', 'a date or a time with its zone').argParser(timeArgument('--until')).conflicts('by'),
    )
    .option('--by <duration>', 'how much longer than listed, such as P90D or P3Y', durationArgument)
    .option('--from <time>', 'segments of batches from this time on', timeArgument('--from'))
    .option('--to <time>', 'segments of batches before this time', timeArgument('--to'))
    .option('--dry-run', 'say what would be done, and change nothing')
    .addHelpText('after', examples)
    .action(extend);
}

async function extend(location: string, { until, by, from, to, dryRun = false }: Options): Promise<void> {
  if (until === undefined && by === undefined) refuse('give --until or --by');
  const bucket = await openArchive(location, process.env);
  try {
    const wanted = until === undefined ? { by: by ?? 0 } : { until: await future(bucket, until) };
    const span = { from: from ?? null, before: to ?? null };
    await print(textOf(await extendLocks(bucket, { to: wanted, ...span, isTried: dryRun }), dryRun));
  } finally {
    bucket.close();
  }
}

function refuse(why: string): never {
  throw new AuditorError('bad-argument', why);
}

/** A slip of the pen is not to lock anything for ever. */
async function future(bucket: S3Bucket, until: number): Promise<number> {
  const now = await bucket.serverTime();
  if (until <= now) refuse(`--until ${formatTime(until)} is past`);
  if (until > now + parseKeep('P100Y').ms) refuse(`--until ${formatTime(until)} is more than 100 years ahead`);
  return until;
}

/** The archive's bucket, to write to; what has no lock at all is locked in the mode that archive.json is locked in. */
async function openArchive(location: string, env: NodeJS.ProcessEnv): Promise<S3Bucket> {
  const [, name, prefix = ''] = /^s3:\/\/([^/]+)(?:\/(.*?))?\/*$/.exec(location) ?? [];
  if (name === undefined) refuse(`found the location ${location}, expected s3://bucket/prefix: a folder has no locks`);
  const settings = { bucket: name, prefix, endpoint: env.S3_ENDPOINT };
  const bucket = openS3Bucket({ ...settings, mode: 'COMPLIANCE' });
  for await (const { key, versionId, isDeleteMarker } of bucket.versions(archiveKey)) {
    if (key !== archiveKey || isDeleteMarker) continue;
    const mode = (await bucket.lockOf(key, versionId))?.mode ?? 'COMPLIANCE';
    if (mode === 'COMPLIANCE') return bucket;
    bucket.close();
    return openS3Bucket({ ...settings, mode });
  }
  bucket.close();
  throw new AuditorError('no-archive', `${location} has no ${archiveKey}: give the place of an archive`);
}

function textOf({ segments, gone, proof, until, unlisted }: ExtensionResult, isTried: boolean): string {
  if (until === null) return 'no segment is in that span: nothing was changed\n';
  const did = isTried ? 'would extend' : 'extended';
  const said = ({ extended, longEnough }: Extended) =>
    `${did} ${extended} of ${extended + longEnough}, ${longEnough} were locked for as long already`;
  const lines = [
    `segments: ${said(segments)}; the latest lock is until ${formatTime(until)}`,
    `what proves them (archive.json, batches, log): ${said(proof)}`,
  ];
  if (gone > 0) lines.push(`gone: ${count(gone, 'segment')} of that span`);
  if (unlisted > 0)
    lines.push(`left as they are: ${count(unlisted, 'segment')} in no batch yet; do it again after the next period`);
  return `${lines.join('\n')}\n`;
}
