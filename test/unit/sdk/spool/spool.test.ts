// The spool's files: what was written is read, in order, whatever was cut off; and what was damaged is never taken for something else.
import { appendFileSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Spoolable } from '../../../../producers/sdk/spool/entry.ts';
import type { Spooled } from '../../../../producers/sdk/spool/segment.ts';
import { Spool } from '../../../../producers/sdk/spool/spool.ts';
import { temporaryFolder } from '../../../temporary.ts';
import { filesOf } from './spooling.ts';

const anEvent = (n: number, length = 20): Spoolable => ({
  id: `id-${n}`,
  key: `schlüssel/${n}`,
  headers: { 'tidemark-instance': 'i', 'tidemark-sequence': String(n) },
  datum: Buffer.alloc(length, n + 1),
});

async function open(directory: string, maxBytes = 100_000_000): Promise<Spool> {
  return Spool.open({ directory, maxBytes, schema: '"string"' }, () => false);
}

async function readAll(spool: Spool): Promise<Spooled[]> {
  const events: Spooled[] = [];
  while (!spool.isRead) events.push(...(await spool.read()));
  return events;
}

const idsOf = (events: readonly Spoolable[]): string[] => events.map(({ id }) => id);

/** A spool with some events, closed; answers its only file. */
async function written(events: readonly Spoolable[]): Promise<{ directory: string; file: string }> {
  const directory = join(temporaryFolder(), 'spool');
  const spool = await open(directory);
  await spool.append(events);
  await spool.close();
  const [file = ''] = filesOf(directory, '.spool');
  return { directory, file };
}

describe('what is spooled', () => {
  test('comes back as it was, in order, with the schema it was written by', async () => {
    const events = [0, 1, 2].map(n => anEvent(n, n * 1000));
    const { directory } = await written(events);
    const spool = await open(directory);
    const read = await readAll(spool);
    expect(read.map(({ id, key, headers, datum }) => ({ id, key, headers, datum }))).toEqual(events);
    expect(read.map(({ schema }) => schema)).toEqual(['"string"', '"string"', '"string"']);
    await spool.close();
  });

  test('is nobody else’s to read', async () => {
    const { directory, file } = await written([anEvent(0)]);
    expect(statSync(directory).mode & 0o077).toBe(0);
    expect(statSync(file).mode & 0o077).toBe(0);
  });

  test('is read while it is written, over many files and across the pieces that are read at once', async () => {
    const spool = await open(join(temporaryFolder(), 'spool'), 4_000_000);
    const read: Spooled[] = [];
    for (let n = 0; n < 60; n += 3) {
      await spool.append([0, 1, 2].map(i => anEvent(n + i, 150_000)));
      if (n % 2 === 0) read.push(...(await readAll(spool)));
    }
    read.push(...(await readAll(spool)));
    expect(idsOf(read)).toEqual(Array.from({ length: 60 }, (_, n) => `id-${n}`));
    await spool.close();
  });

  test('goes, file by file, once it is sent; and leaves nothing when all is', async () => {
    const directory = join(temporaryFolder(), 'spool');
    const spool = await open(directory, 4_000_000);
    for (let n = 0; n < 10; n++) await spool.append([anEvent(n, 600_000)]);
    expect(spool.room).toBeLessThan(0);
    const read = await readAll(spool);
    for (const event of read.slice(0, 8)) spool.markSent(event);
    expect(spool.unsent).toBe(2);
    expect(spool.room).toBeGreaterThan(2_500_000);
    for (const event of read.slice(8)) spool.markSent(event);
    expect([spool.unsent, spool.room]).toEqual([0, 4_000_000]);
    await spool.close();
    expect(filesOf(directory, '')).toEqual([]);
  });

  test('is not read again where it is noted as sent, whatever order it was sent in', async () => {
    const directory = join(temporaryFolder(), 'spool');
    const spool = await open(directory);
    await spool.append([0, 1, 2, 3].map(n => anEvent(n)));
    const [zero, , two] = await readAll(spool);
    for (const event of [two, zero]) if (event !== undefined) spool.markSent(event);
    await spool.close();
    const again = await open(directory);
    expect(again.unsent).toBe(2);
    expect(idsOf(await readAll(again))).toEqual(['id-1', 'id-3']);
    await again.close();
  });

  test('is sent again where the note of it is damaged: a note can hide no event', async () => {
    const directory = join(temporaryFolder(), 'spool');
    const spool = await open(directory);
    await spool.append([anEvent(0), anEvent(1)]);
    const [zero] = await readAll(spool);
    if (zero !== undefined) spool.markSent(zero);
    await spool.close();
    const [notes = ''] = filesOf(directory, '.sent');
    const whole = readFileSync(notes);
    for (let at = 0; at < whole.length; at++) {
      const bytes = Buffer.from(whole);
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
      writeFileSync(notes, bytes);
      const again = await open(directory);
      expect(idsOf(await readAll(again))).toEqual(['id-0', 'id-1']);
      await again.close();
    }
  });
});

describe('an end that was torn off', () => {
  test('is cut off at the last whole entry, wherever the file ends; new events follow it', async () => {
    const { directory, file } = await written([anEvent(0), anEvent(1)]);
    const second = readFileSync(file);
    const spool = await open(directory);
    await readAll(spool);
    await spool.close();
    const whole = Buffer.concat([second, second.subarray(second.length - entryLength(second))]);
    for (let end = second.length + 1; end < whole.length; end++) {
      writeFileSync(file, whole.subarray(0, end));
      const repaired = await open(directory);
      expect(statSync(file).size).toBe(second.length);
      await repaired.append([anEvent(9)]);
      expect(idsOf(await readAll(repaired))).toEqual(['id-0', 'id-1', 'id-9']);
      await repaired.close();
      // Back to the one file.
      for (const other of filesOf(directory, '.spool').slice(1)) rmSync(other);
    }
  });

  test('may be anywhere in the first entries too', async () => {
    const { directory, file } = await written([anEvent(0)]);
    const whole = readFileSync(file);
    for (let end = 0; end < whole.length; end++) {
      writeFileSync(file, whole.subarray(0, end));
      const spool = await open(directory);
      expect([spool.unsent, await readAll(spool)]).toEqual([0, []]);
      await spool.close();
    }
  });

  test('may be room that was never filled', async () => {
    const { directory, file } = await written([anEvent(0)]);
    appendFileSync(file, Buffer.alloc(5000));
    const spool = await open(directory);
    expect(idsOf(await readAll(spool))).toEqual(['id-0']);
    await spool.close();
  });
});

describe('damage', () => {
  test('a byte that was flipped anywhere is an error that names the file and the place, and nothing is sent', async () => {
    const { directory, file } = await written([anEvent(0), anEvent(1), anEvent(2)]);
    const whole = readFileSync(file);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(7), async (at, bit) => {
        const bytes = Buffer.from(whole);
        bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at);
        writeFileSync(file, bytes);
        const error = await open(directory).catch(thrown => thrown);
        expect(error).toMatchObject({ name: 'SpoolError', code: 'damaged' });
        const from = Number(/found bytes from (\d+) on/.exec(error.message)?.[1]);
        expect(error.message).toContain(file);
        expect(from).toBeLessThanOrEqual(at);
        // It is left as it is, for whoever looks at it.
        expect(readFileSync(file).equals(bytes)).toBe(true);
      }),
    );
  });

  test('a file before the last that ends within an entry is no end that was torn off', async () => {
    const { directory, file } = await written([anEvent(0)]);
    const spool = await open(directory);
    await spool.append([anEvent(1)]);
    await spool.close();
    truncateSync(file, statSync(file).size - 1);
    await expect(open(directory)).rejects.toMatchObject({ code: 'damaged' });
  });

  test('on the way: what comes before it is read, and then it is told', async () => {
    const directory = join(temporaryFolder(), 'spool');
    const spool = await open(directory);
    onTestFinished(() => spool.close());
    await spool.append([anEvent(0), anEvent(1), anEvent(2)]);
    const [file = ''] = filesOf(directory, '.spool');
    const bytes = readFileSync(file);
    const at = bytes.length - entryLength(bytes) - 1;
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    writeFileSync(file, bytes);
    expect(idsOf(await spool.read())).toEqual(['id-0']);
    await expect(spool.read()).rejects.toMatchObject({ code: 'damaged' });
  });
});

/** All events of a test's file are of one length: what is left without the start, divided. */
function entryLength(bytes: Buffer): number {
  const start = 16 + bytes.readUInt32LE(0) + bytes.readUInt32LE(4);
  return 16 + bytes.readUInt32LE(start) + bytes.readUInt32LE(start + 4);
}
