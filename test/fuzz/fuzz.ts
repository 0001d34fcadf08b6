// The normalizer's pure way under fire: each mutation of a valid record is an event or a refusal, never an exception, and what is written
// says what was read.

import { schemaIdOf } from '../../consumers/normalizer/decide.ts';
import { finish, type Parts, prepare } from '../../consumers/normalizer/pipeline.ts';
import { DEFAULT_POLICY, parsePolicyFile } from '../../consumers/normalizer/policy/index.ts';
import type { FetchedRecord } from '../../core/edge/kafka/index.ts';
import { memoryKeyRing } from '../../core/envelope/index.ts';
import { auditEventType, auditRecordType } from '../../schemas/index.ts';
import { mutate } from './mutate.ts';
import { randomOf } from './random.ts';
import { validRecords, writers } from './records.ts';

export interface FuzzResult {
  readonly seed: number;
  readonly count: number;
  readonly events: number;
  /** By code. */
  readonly refusals: Readonly<Record<string, number>>;
}

const policy = parsePolicyFile(DEFAULT_POLICY);
const place = { topic: 'audit.raw', generation: 0, partition: 0 };
const now = 1_767_600_002_000_000;
/** Sealing takes ten times as long as all the rest. */
const sealed = 16;

/** Tries mutations `from` up to `to` of a seed. Throws at the first that is neither an event nor a refusal, saying which it was. */
export async function fuzz(
  seed: number,
  from: number,
  to: number,
  onStep = (_done: number) => {},
): Promise<FuzzResult> {
  const [first, ...rest] = validRecords(seed);
  const parts: [Buffer, ...Buffer[]] = [first.bytes, ...rest.map(({ bytes }) => bytes)];
  const clear: Parts = { policy: null, services: null, actions: null, enrichers: null, ring: null };
  const masked: Parts = { ...clear, policy: () => policy };
  let events = 0;
  const refusals: Record<string, number> = {};
  for (let n = from; n < to; n++) {
    const random = randomOf(seed, n);
    const raw = mutate(random, [first, ...rest], parts);
    try {
      const kind = n % sealed;
      const code = kind === 0 ? await trySealed(raw) : tryOne(raw, kind % 2 === 0 ? masked : clear);
      if (code === null) events++;
      else refusals[code] = (refusals[code] ?? 0) + 1;
    } catch (cause) {
      throw new Error(`seed ${seed}, mutation ${n} (value ${raw.value?.toString('hex')}): ${cause}`, { cause });
    }
    if (n % 10_000 === 9999) onStep(n + 1 - from);
  }
  return { seed, count: to - from, events, refusals };
}

function writerOf({ value }: FetchedRecord) {
  const id = schemaIdOf(value);
  return typeof id === 'number' ? writers.get(id) : undefined;
}

function tryOne(raw: FetchedRecord, parts: Parts): string | null {
  const prepared = prepare(raw, place, writerOf(raw), now, parts);
  const { refused, record } = prepared.decision;
  const { value } = finish(prepared, null);
  const datum = Buffer.from(value.subarray(5));
  const written = auditRecordType().decode(datum);
  if (!auditRecordType().encode(written).equals(datum)) throw new Error('written otherwise than it reads');
  if ((written.refused?.code ?? null) !== refused)
    throw new Error(`decided ${refused}, written ${written.refused?.code}`);
  if (refused !== null && !isKept(raw, written.original)) throw new Error('a refusal does not hold its record');
  if (
    refused === null &&
    parts.policy === null &&
    !auditEventType().encode(written).equals(auditEventType().encode(record))
  )
    throw new Error('an event is not what was sent');
  return refused;
}

function isKept(
  { key, value }: FetchedRecord,
  original: { key: Uint8Array | null; value: Uint8Array | null } | null,
): boolean {
  if (!original) return false;
  const same = (a: Uint8Array | null, b: Uint8Array | null) => (a && b ? Buffer.compare(a, b) === 0 : a === b);
  return same(key, original.key) && same(value, original.value);
}

const ring = memoryKeyRing();
async function trySealed(raw: FetchedRecord): Promise<string | null> {
  const prepared = prepare(raw, place, writerOf(raw), now, {
    policy: () => policy,
    services: null,
    actions: null,
    enrichers: null,
    ring,
  });
  await ring.prepare(prepared.sealing?.owners ?? [], AbortSignal.timeout(10_000));
  const written = auditRecordType().decode(Buffer.from(finish(prepared, ring).value.subarray(5)));
  const { original } = written;
  if (original && (original.key !== null || original.value !== null)) throw new Error('bytes of a record in clear');
  return prepared.decision.refused;
}
