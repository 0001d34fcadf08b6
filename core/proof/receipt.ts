// The receipt: one event proven offline (archive format, section 7). A C2SP tlog-proof file
//
//   c2sp.org/tlog-proof@v1
//   extra <base64 of the JSON below>
//   index <entry's index in the log>
//   <base64 hash>...                      inclusion proof of the entry
//
//   <checkpoint, a signed note>
//
//   { "format": "tidemark-receipt/1", "event": "<base64 datum>", "schema": "<text>", "seal": "<note>", "eventIndex": n,
//     "eventProof": [...], "sealIndex": n, "sealProof": [...], "entry": "<log entry>" }

import { AvroReader, compileEventReader, type EventFields } from './avro.ts';
import { base64, equalBytes, hex, parseBase64, parseCount, textOf, utf8 } from './bytes.ts';
import { parseSignedCheckpoint, type SignedCheckpoint } from './checkpoint.ts';
import type { Crypto } from './crypto.ts';
import { ProofError } from './error.ts';
import { Members, parseJson } from './json.ts';
import { type DatedKey, judgeSigner } from './keys.ts';
import { type LogEntry, parseEntry } from './log.ts';
import { leafHash, rootFromInclusion } from './merkle.ts';
import { parseDuration, parseTime } from './period.ts';
import { hasQuorum, logKeyOf, type Policy } from './policy.ts';
import { sealKeyName } from './seal.ts';
import { parseSealNote, type SealedNote } from './segment.ts';

export interface Receipt {
  readonly event: Uint8Array;
  readonly schemaText: string;
  /** The seal's note. */
  readonly seal: Uint8Array;
  readonly eventIndex: number;
  readonly eventProof: readonly Uint8Array[];
  readonly sealIndex: number;
  readonly sealProof: readonly Uint8Array[];
  /** The log entry's text. */
  readonly entry: string;
  /** The entry's index in the log. */
  readonly index: number;
  readonly proof: readonly Uint8Array[];
  /** The checkpoint's note. */
  readonly checkpoint: Uint8Array;
}

const header = 'c2sp.org/tlog-proof@v1';

export function formatReceipt(receipt: Receipt): Uint8Array {
  const extra = {
    format: 'tidemark-receipt/1',
    event: base64(receipt.event),
    schema: receipt.schemaText,
    seal: textOf(receipt.seal),
    eventIndex: receipt.eventIndex,
    eventProof: receipt.eventProof.map(base64),
    sealIndex: receipt.sealIndex,
    sealProof: receipt.sealProof.map(base64),
    entry: receipt.entry,
  };
  const lines = [
    header,
    `extra ${base64(utf8(JSON.stringify(extra)))}`,
    `index ${receipt.index}`,
    ...receipt.proof.map(base64),
    '',
    '',
  ];
  return utf8(lines.join('\n') + textOf(receipt.checkpoint));
}

function parseHashes(texts: readonly unknown[], what: string): Uint8Array[] {
  return texts.map(text => {
    const bytes = typeof text === 'string' ? parseBase64(text) : null;
    if (bytes?.length !== 32)
      throw new ProofError('malformed-receipt', `${what}: expected base64 of 32 bytes on each line`);
    return bytes;
  });
}

/** Parses a receipt, shape only; throws `malformed-receipt`. */
export function parseReceipt(bytes: Uint8Array): Receipt {
  try {
    const text = textOf(bytes);
    const gap = text.indexOf('\n\n');
    const [first, extra = '', index = '', ...proof] = text.slice(0, gap).split('\n');
    if (gap < 0 || first !== header)
      throw new ProofError('malformed-receipt', `not a receipt: expected "${header}" and a checkpoint`);
    const position = index.startsWith('index ') ? parseCount(index.slice(6)) : null;
    const json = extra.startsWith('extra ') ? parseBase64(extra.slice(6)) : null;
    if (!json) throw new ProofError('malformed-receipt', 'expected "extra" and base64 on the second line');
    if (position === null)
      throw new ProofError('malformed-receipt', 'expected "index" and a decimal on the third line');
    const names = ['format', 'event', 'schema', 'seal', 'eventIndex', 'eventProof', 'sealIndex', 'sealProof', 'entry'];
    const members = new Members(parseJson(textOf(json)), 'receipt', names);
    if (members.string('format') !== 'tidemark-receipt/1')
      members.fail(`found format "${members.string('format').slice(0, 40)}", expected tidemark-receipt/1`);
    return {
      event: members.parsed('event', 'base64', parseBase64),
      schemaText: members.string('schema'),
      seal: utf8(members.string('seal')),
      eventIndex: members.count('eventIndex'),
      eventProof: parseHashes(members.array('eventProof'), 'eventProof'),
      sealIndex: members.count('sealIndex'),
      sealProof: parseHashes(members.array('sealProof'), 'sealProof'),
      entry: members.string('entry'),
      index: position,
      proof: parseHashes(proof, 'inclusion proof'),
      checkpoint: utf8(text.slice(gap + 2)),
    };
  } catch (cause) {
    if (cause instanceof ProofError && cause.code === 'malformed-receipt') throw cause;
    throw new ProofError('malformed-receipt', `not a receipt: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
}

/** What a receipt proves. */
export interface ProvenEvent {
  readonly fields: EventFields;
  readonly sealed: SealedNote;
  readonly entry: LogEntry;
  readonly checkpoint: SignedCheckpoint;
}

function demand(condition: boolean, why: string): asserts condition {
  if (!condition) throw new ProofError('receipt-does-not-hold', why);
}

/** What a receipt is checked by: the auditor's policy and the normalizer's keys. */
export interface ReceiptTrust {
  readonly policy: Policy;
  readonly sealKeys: readonly DatedKey[];
}

function checkEvent(crypto: Crypto, receipt: Receipt, sealed: SealedNote): EventFields {
  const { seal } = sealed;
  demand(hex(crypto.sha256(utf8(receipt.schemaText))) === seal.schema, 'the schema is not the one in the seal');
  const leaf = leafHash(crypto.sha256, receipt.event);
  const root = rootFromInclusion(crypto.sha256, leaf, receipt.eventIndex, seal.events, receipt.eventProof);
  demand(root !== null && equalBytes(root, seal.root), "the event's proof does not lead to the root in the seal");
  const reader = new AvroReader(receipt.event);
  const fields = compileEventReader(receipt.schemaText)(reader);
  demand(reader.done, 'the event has bytes behind its end');
  demand(
    fields.topic === seal.topic &&
      fields.generation === seal.generation &&
      fields.partition === seal.partition &&
      fields.offset >= seal.first &&
      fields.offset < seal.next,
    `the event says raw offset ${fields.offset} of ${fields.topic} partition ${fields.partition}, outside the range of its seal`,
  );
  return fields;
}

function checkSigner(crypto: Crypto, sealed: SealedNote, entry: LogEntry, keys: readonly DatedKey[]): void {
  const { seal, note } = sealed;
  demand(seal.origin === entry.origin, `the seal is of ${seal.origin}, the entry of ${entry.origin}`);
  const duration = parseDuration(entry.duration).ms;
  const named = keys.filter(({ key }) => key.name === sealKeyName(seal.origin));
  const judged = judgeSigner(crypto, note, named, seal.sealedAt, duration);
  demand(judged !== 'unsigned', `the seal is not signed by a key of ${sealKeyName(seal.origin)} that was given`);
  demand(judged === 'valid', 'the seal is signed outside the periods that its key is valid for');
  demand(seal.sealedAt < (parseTime(entry.period) ?? 0) + duration, 'the seal is later than the period of its batch');
}

/**
 * Checks all that section 7 says: event to seal, seal to entry, entry to checkpoint, each signature. Needs no network.
 * Throws `receipt-does-not-hold` with the first link that does not hold, or `malformed-…`.
 */
export function checkReceipt(crypto: Crypto, receipt: Receipt, trust: ReceiptTrust): ProvenEvent {
  const checkpoint = parseSignedCheckpoint(receipt.checkpoint);
  demand(
    logKeyOf(crypto, trust.policy, checkpoint) !== null,
    `the checkpoint of ${checkpoint.origin} is not signed by a log key of the policy`,
  );
  demand(
    hasQuorum(crypto, trust.policy, checkpoint),
    "the checkpoint's cosignatures do not satisfy the policy's quorum",
  );
  const entryLeaf = leafHash(crypto.sha256, utf8(receipt.entry));
  const logRoot = rootFromInclusion(crypto.sha256, entryLeaf, receipt.index, checkpoint.size, receipt.proof);
  demand(
    logRoot !== null && equalBytes(logRoot, checkpoint.root),
    "the entry's proof does not lead to the root in the checkpoint",
  );
  const entry = parseEntry(receipt.entry);
  demand(entry.origin === checkpoint.origin, `the entry is of ${entry.origin}, the checkpoint of ${checkpoint.origin}`);
  const sealed = parseSealNote(crypto.sha256, receipt.seal);
  const sealLeaf = leafHash(crypto.sha256, utf8(sealed.note.text));
  const batch = rootFromInclusion(crypto.sha256, sealLeaf, receipt.sealIndex, entry.seals, receipt.sealProof);
  demand(batch !== null && equalBytes(batch, entry.root), "the seal's proof does not lead to the root in the entry");
  const fields = checkEvent(crypto, receipt, sealed);
  checkSigner(crypto, sealed, entry, trust.sealKeys);
  return { fields, sealed, entry, checkpoint };
}
