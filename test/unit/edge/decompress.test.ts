// Compressed data as other writers make them: all frames count, and nothing may hide behind them.

import { deflateRawSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { nodeDecompress } from '../../../core/edge/compression.ts';

const text = Buffer.from('one event after the other');
const [head, tail] = [text.subarray(0, 9), text.subarray(9)];
const skippable = Buffer.from([0x52, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);

test.each([
  ['one frame', [zstdCompressSync(text)]],
  ['two frames', [zstdCompressSync(head), zstdCompressSync(tail)]],
  ['an empty frame first', [zstdCompressSync(Buffer.alloc(0)), zstdCompressSync(text)]],
  ['a skippable frame first', [skippable, zstdCompressSync(text)]],
  ['a skippable frame last', [zstdCompressSync(text), skippable]],
])('zstandard of %s', (_, frames) => {
  expect(Buffer.from(nodeDecompress('zstandard', Buffer.concat(frames), 1000))).toEqual(text);
});

test('deflate', () => {
  expect(Buffer.from(nodeDecompress('deflate', deflateRawSync(text), 1000))).toEqual(text);
});

test.each([
  ['zstandard', Buffer.concat([zstdCompressSync(text), Buffer.from('junk')])],
  ['zstandard', Buffer.concat([zstdCompressSync(text), skippable.subarray(0, 9)])],
  ['deflate', Buffer.concat([deflateRawSync(text), Buffer.from('junk')])],
  ['deflate', deflateRawSync(text).subarray(0, 9)],
] as const)('%s with something behind it, or cut off, is refused', (codec, data) => {
  expect(() => nodeDecompress(codec, data, 1000)).toThrowError();
});

test('no more than the limit is opened, over all frames', () => {
  const frames = Buffer.concat([zstdCompressSync(Buffer.alloc(600)), zstdCompressSync(Buffer.alloc(600))]);
  expect(nodeDecompress('zstandard', frames, 1200)).toHaveLength(1200);
  expect(() => nodeDecompress('zstandard', frames, 1000)).toThrowError();
});
