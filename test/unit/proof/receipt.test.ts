import { describe, expect, test } from 'vitest';
import { nodeCrypto } from '../../../core/edge/crypto.ts';
import { utf8 } from '../../../core/proof/bytes.ts';
import { parseKeyFile } from '../../../core/proof/keys.ts';
import { formatVerifierKey } from '../../../core/proof/note.ts';
import { parsePolicy } from '../../../core/proof/policy.ts';
import { checkReceipt, formatReceipt, parseReceipt, type Receipt } from '../../../core/proof/receipt.ts';
import { loadGolden } from '../../archive-writer.ts';
import { testKeys, testSigner } from '../../test-keys.ts';

const golden = loadGolden();
const trust = {
  policy: parsePolicy(nodeCrypto, golden.policyText),
  sealKeys: parseKeyFile(nodeCrypto, golden.sealKeysText),
};
const files = [...golden.receipts];
const flip = (bytes: Uint8Array, at = -1) => bytes.with(at, (bytes.at(at) ?? 0) ^ 1);
const failure = (work: () => unknown): string => {
  try {
    work();
    return 'holds';
  } catch (error) {
    expect(error).toMatchObject({ name: 'ProofError' });
    return 'refused';
  }
};

describe.each(files)('golden receipt %s', (name, bytes) => {
  const receipt = parseReceipt(bytes);
  const [index, , offset] = name.replace('.tlog-proof', '').split('-');

  test('holds, and survives being written', () => {
    const proven = checkReceipt(nodeCrypto, receipt, trust);
    expect(receipt.index).toBe(Number(index));
    expect(proven.entry.seals).toBeGreaterThan(receipt.sealIndex);
    expect(offset).toBeDefined();
    expect(parseReceipt(formatReceipt(receipt))).toEqual(receipt);
  });

  const others = files.filter(([other]) => other !== name).map(([, other]) => parseReceipt(other));
  const changes: [string, Partial<Receipt>][] = [
    ['its event changed', { event: flip(receipt.event) }],
    ['its event cut', { event: receipt.event.subarray(0, -1) }],
    ['bytes behind its event', { event: Uint8Array.of(...receipt.event, 0) }],
    ['its schema changed', { schemaText: `${receipt.schemaText} ` }],
    ['its event index changed', { eventIndex: receipt.eventIndex + 1 }],
    ['its seal index changed', { sealIndex: receipt.sealIndex + 1 }],
    ['its log index changed', { index: receipt.index + 1 }],
    ['its log index far off', { index: 2 ** 52 }],
    ['its entry changed', { entry: receipt.entry.replace('PT1H', 'PT2H') }],
    ['its seal changed', { seal: flip(receipt.seal, 200) }],
    ["its seal's signature changed", { seal: flip(receipt.seal, -20) }],
    ['its checkpoint changed', { checkpoint: flip(receipt.checkpoint, 30) }],
    ['a hash more for the event', { eventProof: [...receipt.eventProof, new Uint8Array(32)] }],
    ['a hash more for the seal', { sealProof: [...receipt.sealProof, new Uint8Array(32)] }],
    ['a hash more for the entry', { proof: [...receipt.proof, new Uint8Array(32)] }],
    ...others.map((other, i): [string, Partial<Receipt>] => [`the seal of another (${i})`, { seal: other.seal }]),
    ...others.map((other, i): [string, Partial<Receipt>] => [`the event of another (${i})`, { event: other.event }]),
    ...others.map((other, i): [string, Partial<Receipt>] => [`the entry of another (${i})`, { entry: other.entry }]),
  ];
  for (const part of ['eventProof', 'sealProof', 'proof'] as const) {
    for (const [i, hash] of receipt[part].entries()) {
      changes.push([`${part} ${i} changed`, { [part]: receipt[part].with(i, flip(hash)) }]);
      changes.push([`${part} ${i} left out`, { [part]: receipt[part].toSpliced(i, 1) }]);
    }
  }
  test.each(changes)('does not hold with %s', (_, change) => {
    expect(failure(() => checkReceipt(nodeCrypto, parseReceipt(formatReceipt({ ...receipt, ...change })), trust))).toBe(
      'refused',
    );
  });

  test('any byte of its head changed is refused, or says the same', () => {
    const head = Buffer.from(bytes).indexOf('\n\n');
    for (let at = 0; at < head; at += at < 40 || at > head - 60 ? 1 : 7) {
      const outcome = failure(() => {
        const read = parseReceipt(flip(bytes, at));
        checkReceipt(nodeCrypto, read, trust);
        expect(read).toEqual(receipt);
      });
      expect(outcome, `byte ${at}`).toBe('refused');
    }
  });

  test('does not hold under other keys, without a witness, or outside its key’s periods', () => {
    const policyOf = (text: string) => parsePolicy(nodeCrypto, text);
    const strange = policyOf(`log ${formatVerifierKey(testSigner('audit.example.com/prod').key)}\nquorum none\n`);
    const unmet = policyOf(
      golden.policyText.replace(/witness .*\n/, `witness w1 ${formatVerifierKey(testKeys.witness.key)}\n`),
    );
    const [vkey] = golden.sealKeysText.split('\n');
    const keysOf = (text: string) => parseKeyFile(nodeCrypto, text);
    const late = keysOf(`${vkey} 2026-01-06T00:00:00Z\n`);
    const past = keysOf(`${vkey} 2020-01-01T00:00:00Z 2020-01-02T00:00:00Z\n`);
    for (const change of [
      { policy: strange },
      { policy: unmet },
      { sealKeys: [] },
      { sealKeys: late },
      { sealKeys: past },
    ])
      expect(failure(() => checkReceipt(nodeCrypto, receipt, { ...trust, ...change }))).toBe('refused');
    // The same key in two spans: the one that fits is enough, whichever comes first.
    const spans = keysOf(`${vkey} 2020-01-01T00:00:00Z 2020-01-02T00:00:00Z\n${vkey} 2026-01-01T00:00:00Z\n`);
    expect(failure(() => checkReceipt(nodeCrypto, receipt, { ...trust, sealKeys: spans }))).toBe('holds');
  });
});

const [[, first] = ['', new Uint8Array()]] = files;
const text = Buffer.from(first).toString();
test.each([
  ['nothing', ''],
  ['another version', text.replace('@v1', '@v2')],
  ['no extra', text.replace(/extra .*\n/, '')],
  ['no index', text.replace(/index .*\n/, '')],
  ['an index with a leading zero', text.replace('index ', 'index 0')],
  ['a hash of 31 bytes', text.replace('\n\n', `\n${Buffer.alloc(31).toString('base64')}\n\n`)],
  ['no checkpoint', text.slice(0, text.indexOf('\n\n') + 2)],
])('a receipt with %s is refused', (_, malformed) => {
  expect(failure(() => checkReceipt(nodeCrypto, parseReceipt(utf8(malformed)), trust))).toBe('refused');
});
