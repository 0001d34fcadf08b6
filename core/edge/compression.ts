// Node's zlib behind core/proof's interface, and what writes containers. Apart from crypto.ts, which runs where Node has no zstd yet.

import { promisify } from 'node:util';
import { deflateRawSync, inflateRawSync, zstdCompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Decompress } from '../proof/crypto.ts';

/** What Node's zlib answers with `info`: the output, and how much of the input it took. */
type Opened = { readonly buffer: Uint8Array; readonly engine: { readonly bytesWritten: number } };

/** Length of a skippable frame (RFC 8878, section 3.1.2), or 0. */
function skippable(data: Buffer): number {
  if (data.length < 8 || data.readUInt32LE(0) >>> 4 !== 0x184d2a5) return 0;
  return 8 + data.readUInt32LE(4);
}

/** All frames: zlib stops after the first, and says nothing of what is behind it. */
function openZstandard(data: Buffer, limit: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let left = limit;
  for (let at = 0; at < data.length; ) {
    const rest = data.subarray(at);
    const skipped = skippable(rest);
    if (skipped > rest.length) throw new RangeError('a skippable frame is cut off');
    at += skipped;
    if (skipped > 0) continue;
    const { buffer, engine } = zstdDecompressSync(rest, {
      maxOutputLength: Math.max(1, left),
      // A block in few pieces: each is a call of its own.
      chunkSize: Math.min(1 << 20, Math.max(1 << 14, 8 * rest.length)),
      info: true,
    }) as unknown as Opened;
    parts.push(buffer);
    left -= buffer.length;
    at += engine.bytesWritten;
  }
  return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
}

function openDeflate(data: Buffer, limit: number): Uint8Array {
  const { buffer, engine } = inflateRawSync(data, {
    maxOutputLength: Math.max(1, limit),
    info: true,
  }) as unknown as Opened;
  if (engine.bytesWritten !== data.length)
    throw new RangeError(`${data.length - engine.bytesWritten} bytes behind the deflate stream`);
  return buffer;
}

export const nodeDecompress: Decompress = (codec, data, limit) => {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  return codec === 'zstandard' ? openZstandard(bytes, limit) : openDeflate(bytes, limit);
};

export const compressors = {
  zstandard: (data: Uint8Array): Uint8Array => zstdCompressSync(data),
  deflate: (data: Uint8Array): Uint8Array => deflateRawSync(data),
} as const;

const compressZstandard = promisify(zstdCompress);

/** As {@link compressors}' zstandard, the same bytes, but on a thread of Node's pool. */
export async function compressAside(data: Uint8Array): Promise<Uint8Array> {
  // In one piece: each chunk of the default 16 KiB is a call back to the main thread.
  const compressed = await compressZstandard(data, { chunkSize: Math.max(1024, data.length) });
  return new Uint8Array(compressed); // a copy: the chunk is as large as what was compressed
}
