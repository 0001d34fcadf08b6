// archive.json, written first of all: by whichever archiver starts first, with the period that it starts in.

import { readArchive } from '../../core/edge/s3/archive-log.ts';
import { wholeSeconds } from '../../core/edge/s3/bucket.ts';
import { type Archive, archiveKey, formatArchive } from '../../core/proof/batch.ts';
import { utf8 } from '../../core/proof/bytes.ts';
import { formatTime, periodOf } from '../../core/proof/period.ts';
import { type ArchiverContext, longestRetentionMs } from './context.ts';
import { generalLockMs } from './sealer.ts';
import { putVerified } from './verified-put.ts';

/** What the archive is; begins it where it has not begun. Throws `archive-differs` where it is another than the settings say. */
export async function beginArchive(context: ArchiverContext): Promise<Archive> {
  const { reader, bucket } = context;
  const there = await readArchive(reader);
  if (there) return there.archive;
  const { origin, topic, duration } = reader;
  const now = await bucket.serverTime();
  const archive = { origin, topic, duration, first: formatTime(periodOf(duration, now)) };
  const until = wholeSeconds(now + generalLockMs(longestRetentionMs(context)));
  const outcome = await bucket.create(archiveKey, utf8(formatArchive(archive)), until);
  if (outcome === 'created') return archive;
  const other = await readArchive(reader);
  if (other) return other.archive;
  // Planted before the archive began: ours goes over it, and the oldest version that parses is ours.
  await putVerified(context, archiveKey, utf8(formatArchive(archive)), until, object =>
    Buffer.from(object.bytes).toString() === formatArchive(archive) ? true : null,
  );
  return (await readArchive(reader))?.archive ?? archive;
}
