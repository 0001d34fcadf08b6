// The archive, of which the normalizer only reads where a partition's chain ends: that counts where the events topic holds no seal of it
// (new, re-created, or idle past its retention).

import { findArchiveEnd } from '../../core/edge/s3/archive-end.ts';
import { readArchive } from '../../core/edge/s3/archive-log.ts';
import { BucketError } from '../../core/edge/s3/error.ts';
import { openS3Bucket } from '../../core/edge/s3/s3-bucket.ts';
import { ownArchiveReader } from '../../core/edge/s3/segment-object.ts';
import type { SettingProblem } from '../../core/edge/settings.ts';
import type { ChainEnd } from '../../core/proof/chain.ts';
import type { NormalizerSettings } from './config.ts';

export interface ReadArchive {
  /** What its `archive.json` says otherwise than the settings, or why it can't be read; empty where it agrees or has not begun. */
  check(): Promise<SettingProblem[]>;
  /** The end of a partition's chain. Throws BucketError. */
  end(partition: number): Promise<ChainEnd>;
  close(): void;
}

export function openArchive(settings: NormalizerSettings): ReadArchive {
  const bucket = openS3Bucket({ ...settings.s3, mode: 'COMPLIANCE' });
  const reader = ownArchiveReader(bucket, settings);
  return {
    check: async () => {
      try {
        await readArchive(reader);
        return [];
      } catch (error) {
        if (!(error instanceof BucketError)) throw error;
        return [
          { name: 'S3_BUCKET', found: error.message, expected: 'an archive that agrees with the settings', advice: '' },
        ];
      }
    },
    end: async partition => (await findArchiveEnd(reader, partition)).end,
    close: () => bucket.close(),
  };
}
