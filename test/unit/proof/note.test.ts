import { createPrivateKey, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { nodeCrypto } from '../../../core/edge/crypto.ts';
import { utf8 } from '../../../core/proof/bytes.ts';
import { isSignedBy, parseCheckpoint, parseSignedCheckpoint } from '../../../core/proof/checkpoint.ts';
import { ProofError } from '../../../core/proof/error.ts';
import {
  formatNote,
  formatVerifierKey,
  openNote,
  parseNote,
  parseVerifierKey,
  signNote,
} from '../../../core/proof/note.ts';
import { hasQuorum, logKeyOf, parsePolicy } from '../../../core/proof/policy.ts';
import { loadGolden } from '../../archive-writer.ts';
import { testMlDsaCosigner, testSigner, testWitness } from '../../test-keys.ts';
import { noteVectors } from '../../vectors/vectors.ts';

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'none';
  } catch (error) {
    return error instanceof ProofError ? error.code : `not a ProofError: ${error}`;
  }
}

const [peterVector] = noteVectors.notes;
const peter = peterVector?.key ?? '';
const peterNote = peterVector?.note ?? '';

describe('published notes', () => {
  test.each(noteVectors.notes)('$name opens and is written back byte for byte', ({ key, note, size, origin }) => {
    const parsed = parseVerifierKey(nodeCrypto, key);
    expect(formatVerifierKey(parsed)).toBe(key);
    const opened = openNote(nodeCrypto, utf8(note), [parsed]);
    expect(opened.by).toBe(parsed);
    expect(formatNote(opened)).toEqual(utf8(note));
    if (size !== undefined) {
      const checkpoint = parseSignedCheckpoint(utf8(note));
      expect(checkpoint).toMatchObject({ size, origin });
      expect(isSignedBy(nodeCrypto, checkpoint, parsed)).toBe(true);
    }
  });

  test.each(noteVectors.notes)('$name with any byte of its text changed does not open', ({ key, note }) => {
    const keys = [parseVerifierKey(nodeCrypto, key)];
    const bytes = utf8(note);
    for (let at = 0; at < note.indexOf('\n\n'); at++) {
      const changed = bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
      expect(codeOf(() => openNote(nodeCrypto, changed, keys))).toMatch(/^(unsigned|malformed)-note$/);
    }
  });

  test.each(noteVectors.malformed)('malformed: $name', ({ note }) => {
    expect(codeOf(() => parseNote(utf8(note)))).toBe('malformed-note');
  });

  test('malformed: not UTF-8', () => {
    expect(codeOf(() => parseNote(Uint8Array.of(0xff, ...utf8(peterNote))))).toBe('malformed-note');
  });

  test('Go signs the same note with the same key', () => {
    const seed = Buffer.from('AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz', 'base64').subarray(1);
    const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
    const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    const signer = {
      key: parseVerifierKey(nodeCrypto, peter),
      sign: (data: Uint8Array) => sign(null, data, privateKey),
    };
    expect(signNote(parseNote(utf8(peterNote)).text, signer)).toEqual(utf8(peterNote));
  });

  test('a signature by an unknown key, or by a known name under another id, is not one', () => {
    const key = parseVerifierKey(nodeCrypto, peter);
    expect(codeOf(() => openNote(nodeCrypto, utf8(peterNote), []))).toBe('unsigned-note');
    const wrongId = utf8(peterNote.replace('x08g', 'xxxx'));
    expect(codeOf(() => openNote(nodeCrypto, wrongId, [key]))).toBe('unsigned-note');
    const misnamed = utf8(peterNote.replace('— PeterNeumann', '— CarmenSandiego'));
    expect(codeOf(() => openNote(nodeCrypto, misnamed, [key]))).toBe('unsigned-note');
  });

  test('an invalid signature by a known key does not spoil a valid one beside it', () => {
    const key = parseVerifierKey(nodeCrypto, peter);
    const line = peterNote.slice(peterNote.indexOf('— '));
    const bad = line.replace('ZJku', 'ZJkv');
    expect(openNote(nodeCrypto, utf8(peterNote.replace(line, bad + line)), [key]).by).toBe(key);
    expect(codeOf(() => openNote(nodeCrypto, utf8(peterNote.replace(line, bad)), [key]))).toBe('unsigned-note');
  });
});

describe('verifier keys', () => {
  test.each(noteVectors.badKeys)('refused: %s', key => {
    expect(codeOf(() => parseVerifierKey(nodeCrypto, key))).toBe('malformed-key');
  });

  test('every part of one, and every one with a character changed, is refused', () => {
    for (let from = 0; from <= peter.length; from++) {
      for (let to = from + 1; to <= peter.length; to++) {
        if (from === 0 && to === peter.length) continue;
        expect(codeOf(() => parseVerifierKey(nodeCrypto, peter.slice(from, to)))).toBe('malformed-key');
      }
    }
    for (let at = 0; at < peter.length; at++) {
      const changed = String.fromCharCode(peter.charCodeAt(at) + 1);
      expect(codeOf(() => parseVerifierKey(nodeCrypto, peter.slice(0, at) + changed + peter.slice(at + 1)))).toBe(
        'malformed-key',
      );
    }
  });
});

const root = nodeCrypto.sha256(utf8('root'));
const checkpoint = { origin: 'log.test', size: 7, root };
const text = `log.test\n7\n${Buffer.from(root).toString('base64')}\n`;
const signer = testSigner('log.test');

describe('checkpoints', () => {
  const b64 = Buffer.from(root).toString('base64');
  test.each([
    ['no root', 'log.test\n7\n'],
    ['cut final newline', text.slice(0, -1)],
    ['empty origin', `\n7\n${b64}\n`],
    ['size with a leading zero', `log.test\n07\n${b64}\n`],
    ['size with a sign', `log.test\n+7\n${b64}\n`],
    ['hexadecimal size', `log.test\n0x7\n${b64}\n`],
    ['size above 2^53', `log.test\n9007199254740993\n${b64}\n`],
    ['root of 31 bytes', `log.test\n7\n${Buffer.alloc(31).toString('base64')}\n`],
    ['root without padding', `log.test\n7\n${b64.replace('=', '')}\n`],
    ['root with other trailing bits', `log.test\n7\n${b64.replace(/.=$/, '/=')}\n`],
    ['root in the URL alphabet', `log.test\n7\n${'_'.repeat(43)}=\n`],
    ['empty extension line', `${text}\nmore\n`],
  ])('malformed: %s', (_, malformed) => {
    expect(codeOf(() => parseCheckpoint(malformed))).toBe('malformed-checkpoint');
  });

  test('extension lines are allowed, and covered by the signature', () => {
    const signed = parseSignedCheckpoint(signNote(`${text}extension\n`, signer));
    expect(signed).toMatchObject({ size: 7, origin: 'log.test' });
    expect(isSignedBy(nodeCrypto, signed, signer.key)).toBe(true);
    const without = { ...signed, note: { ...signed.note, text } };
    expect(isSignedBy(nodeCrypto, without, signer.key)).toBe(false);
  });
});

const cosigners = [
  ['Ed25519 (0x04)', testWitness('witness.test/w')],
  ['ML-DSA-44 (0x06)', testMlDsaCosigner('witness.test/w')],
] as const;

describe.each(cosigners)('cosignatures with %s', (_, witness) => {
  const line = witness.cosign(checkpoint, 1_700_000_000n);
  const signed = (noteText: string, signature = line.signature) => {
    const own = parseNote(signNote(noteText, signer));
    return parseSignedCheckpoint(formatNote({ ...own, signatures: [...own.signatures, { ...line, signature }] }));
  };

  test('hold of their checkpoint, and their key survives its text', () => {
    expect(isSignedBy(nodeCrypto, signed(text), witness.key)).toBe(true);
    const key = parseVerifierKey(nodeCrypto, formatVerifierKey(witness.key));
    expect(isSignedBy(nodeCrypto, signed(text), key)).toBe(true);
  });

  test('do not hold of another origin, size, root, time or name, nor cut off', () => {
    const { signature } = line;
    const other = Buffer.from(nodeCrypto.sha256(root)).toString('base64');
    const wrong = [
      signed(text.replace('log.test', 'log.tesu')),
      signed(text.replace('\n7\n', '\n8\n')),
      signed(`log.test\n7\n${other}\n`),
      signed(text, signature.with(7, (signature[7] ?? 0) ^ 1)),
      signed(text, signature.with(0, 0x80)),
      signed(text, signature.with(40, (signature[40] ?? 0) ^ 1)),
      signed(text, signature.subarray(0, -1)),
      signed(text, signature.subarray(0, 8)),
      signed(text, signature.subarray(8)),
    ];
    expect(wrong.map(one => isSignedBy(nodeCrypto, one, witness.key))).toEqual(wrong.map(() => false));
    const namesake = { ...witness.key, name: 'witness.test/v' };
    expect(isSignedBy(nodeCrypto, signed(text), namesake)).toBe(false);
  });

  test('are not taken for a signature by the note key of the same bytes', () => {
    expect(isSignedBy(nodeCrypto, signed(text), { ...witness.key, type: 1 })).toBe(false);
  });
});

test('an ML-DSA-44 cosignature of an origin longer than 255 bytes never holds', () => {
  const long = { origin: 'o'.repeat(260), size: 1, root };
  const witness = testMlDsaCosigner('witness.test/w');
  const own = parseNote(signNote(`${long.origin}\n1\n${Buffer.from(root).toString('base64')}\n`, signer));
  const bytes = formatNote({ ...own, signatures: [...own.signatures, witness.cosign(long, 1n)] });
  expect(isSignedBy(nodeCrypto, parseSignedCheckpoint(bytes), witness.key)).toBe(false);
});

describe('policies', () => {
  const logLine = `log ${formatVerifierKey(signer.key)}`;
  const witnesses = ['a', 'b', 'c', 'd'].map(name => testWitness(`witness.test/${name}`));
  const lines = witnesses.map(({ key }, i) => `witness ${'ABCD'[i]} ${formatVerifierKey(key)} https://w.test/`);
  const witnessed = (...by: number[]) => {
    const own = parseNote(signNote(text, signer));
    const extra = witnesses.filter((_, i) => by.includes(i)).map(witness => witness.cosign(checkpoint, 1n));
    return parseSignedCheckpoint(formatNote({ ...own, signatures: [...own.signatures, ...extra] }));
  };

  test('C2SP example: two of X and any of Y', () => {
    const policy = parsePolicy(
      nodeCrypto,
      `# a comment\n${[logLine, ...lines].join('\n')}\n\n \tgroup X 2 A B\ngroup Y any C D\ngroup both all X Y\nquorum both\n`,
    );
    expect(logKeyOf(nodeCrypto, policy, witnessed())?.name).toBe(signer.key.name);
    const met = [[], [0, 1], [0, 2], [0, 1, 2], [0, 1, 3], [2, 3], [0, 1, 2, 3]].map(by =>
      hasQuorum(nodeCrypto, policy, witnessed(...by)),
    );
    expect(met).toEqual([false, false, false, true, true, false, true]);
  });

  test('quorum none asks for no witness, yet for the log', () => {
    const policy = parsePolicy(nodeCrypto, `${logLine}\nquorum none\n`);
    expect(hasQuorum(nodeCrypto, policy, witnessed())).toBe(true);
    const other = parsePolicy(
      nodeCrypto,
      `log ${formatVerifierKey(testSigner('log.test', 'other').key)}\nquorum none\n`,
    );
    expect(logKeyOf(nodeCrypto, other, witnessed())).toBeNull();
  });

  test('a log key of another name than the origin does not count', () => {
    const misnamed = testSigner('other.test', 'log.test');
    const policy = parsePolicy(nodeCrypto, `log ${formatVerifierKey(misnamed.key)}\nquorum none\n`);
    expect(logKeyOf(nodeCrypto, policy, parseSignedCheckpoint(signNote(text, misnamed)))).toBeNull();
  });

  const [a = '', b = ''] = lines;
  test.each([
    ['no quorum', `${logLine}\n`],
    ['no log', 'quorum none\n'],
    ['two quorums', `${logLine}\nquorum none\nquorum none\n`],
    ['an unknown keyword', `${logLine}\nwitnesses x\nquorum none\n`],
    ['an undefined name', `${logLine}\nquorum A\n`],
    ['a name defined below', `${logLine}\nquorum A\n${a}\n`],
    ['a name defined twice', `${logLine}\n${a}\n${b.replace(' B ', ' A ')}\nquorum A\n`],
    ['a name reserved', `${logLine}\n${a.replace(' A ', ' none ')}\nquorum none\n`],
    ['the same witness twice', `${logLine}\n${a}\n${a.replace(' A ', ' B ')}\nquorum A\n`],
    ['the same log twice', `${logLine}\n${logLine}\nquorum none\n`],
    ['a member twice', `${logLine}\n${a}\ngroup G 2 A A\nquorum G\n`],
    ['a member of two groups', `${logLine}\n${a}\ngroup G any A\ngroup H any A\nquorum H\n`],
    ['none as a member', `${logLine}\n${a}\ngroup G any A none\nquorum G\n`],
    ['no member', `${logLine}\ngroup G any\nquorum G\n`],
    ['a threshold of nought', `${logLine}\n${a}\ngroup G 0 A\nquorum G\n`],
    ['a threshold above the members', `${logLine}\n${a}\ngroup G 2 A\nquorum G\n`],
    ['a note key as witness', `${logLine}\nwitness A ${formatVerifierKey(signer.key)}\nquorum A\n`],
    ['a witness key as log', `log ${formatVerifierKey(testWitness('log.test').key)}\nquorum none\n`],
    ['a carriage return', `${logLine}\r\nquorum none\r\n`],
    ['a broken key', `${logLine.slice(0, -4)}\nquorum none\n`],
  ])('malformed: %s', (_, malformed) => {
    expect(codeOf(() => parsePolicy(nodeCrypto, malformed))).toBe('malformed-policy');
  });

  test('the golden policy accepts the golden checkpoint, which another program signed and witnessed', () => {
    const { objects, policyText } = loadGolden();
    const policy = parsePolicy(nodeCrypto, policyText);
    const signed = parseSignedCheckpoint(objects.get('log/checkpoint')?.at(-1)?.bytes ?? new Uint8Array());
    expect(logKeyOf(nodeCrypto, policy, signed)).not.toBeNull();
    expect(hasQuorum(nodeCrypto, policy, signed)).toBe(true);
  });
});
