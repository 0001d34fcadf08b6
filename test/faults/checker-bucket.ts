// The bucket, read by a plain S3 client: every version of every key, and the segments' events in the order of each partition.

import { GetObjectCommand, ListObjectVersionsCommand, S3Client } from '@aws-sdk/client-s3';
import { type ReadEvent, readSegment } from './checker-segment.ts';

export interface BucketPlace {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly bucket: string;
  readonly prefix: string;
}

export interface KeyVersion {
  readonly key: string;
  readonly versionId: string;
  readonly isDeleteMarker: boolean;
}

const segmentKey = /^events\/dt=[\d-]+\/hour=\d\d\/(\d{5})-(\d{3})-(\d{20})\.avro$/;

export class BucketReader {
  readonly #client: S3Client;
  readonly #place: BucketPlace;

  constructor(place: BucketPlace) {
    const { endpoint, region, accessKeyId, secretAccessKey } = place;
    this.#place = place;
    this.#client = new S3Client({
      endpoint,
      region,
      forcePathStyle: true,
      credentials: { accessKeyId, secretAccessKey },
    });
  }

  close(): void {
    this.#client.destroy();
  }

  async versions(): Promise<KeyVersion[]> {
    const { bucket: Bucket, prefix } = this.#place;
    const found: KeyVersion[] = [];
    let at: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } = {};
    for (;;) {
      const page = await this.#client.send(new ListObjectVersionsCommand({ Bucket, Prefix: `${prefix}/`, ...at }));
      for (const [entries, isDeleteMarker] of [
        [page.Versions ?? [], false],
        [page.DeleteMarkers ?? [], true],
      ] as const) {
        for (const { Key = '', VersionId: versionId = '' } of entries)
          found.push({ key: Key.slice(prefix.length + 1), versionId, isDeleteMarker });
      }
      if (!page.IsTruncated) return found;
      at = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
    }
  }

  async read(key: string, VersionId: string): Promise<Buffer> {
    const { bucket: Bucket, prefix } = this.#place;
    const { Body } = await this.#client.send(new GetObjectCommand({ Bucket, Key: `${prefix}/${key}`, VersionId }));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  }

  /** Events of all segments, by partition, then in the order of generation and first raw offset. */
  async *events(
    versions: readonly KeyVersion[],
  ): AsyncGenerator<{ key: string; partition: number; events: ReadEvent[] }> {
    const segments = versions
      .filter(({ isDeleteMarker }) => !isDeleteMarker)
      .flatMap(version => {
        const match = segmentKey.exec(version.key);
        return match ? [{ ...version, partition: Number(match[1]), place: match.slice(1).join('-') }] : [];
      })
      .sort((a, b) => (a.place < b.place ? -1 : 1));
    const ahead = 8;
    const reading: Promise<Buffer>[] = [];
    for (const [index, { key, partition }] of segments.entries()) {
      for (let n = reading.length; n < Math.min(segments.length, index + ahead); n++) {
        const next = segments[n];
        if (next) reading.push(this.read(next.key, next.versionId));
      }
      const object = (await reading[index]) ?? Buffer.alloc(0);
      delete reading[index];
      yield { key, partition, events: readSegment(object) };
    }
  }
}
