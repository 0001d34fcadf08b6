import { describe, expect, test } from 'vitest';
import { nodeCrypto } from '../../../core/edge/crypto.ts';
import { equalBytes, hex, parseHex, utf8 } from '../../../core/proof/bytes.ts';
import {
  checkConsistency,
  leafHash,
  nodeHash,
  proveConsistency,
  proveInclusion,
  rootFromInclusion,
  TreeHasher,
  treeRoot,
} from '../../../core/proof/merkle.ts';
import { consistencyCases, inclusionCases } from '../../vectors/vectors.ts';

const { sha256 } = nodeCrypto;
const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));
const proofOf = (proof: readonly string[] | null) => (proof ?? []).map(bytes);

describe('RFC 6962 hashes', () => {
  test('of nothing, of an empty leaf, of a leaf and of a node', () => {
    expect(hex(treeRoot(sha256, []))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(hex(leafHash(sha256, new Uint8Array()))).toBe(
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    );
    expect(hex(leafHash(sha256, utf8('L123456')))).toBe(
      '395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56',
    );
    expect(hex(nodeHash(sha256, utf8('N123'), utf8('N456')))).toBe(
      'aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb',
    );
  });

  const inputs = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
  const roots = [
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ];
  test.each([...roots.entries()])('root of the first %i standard leaves', (size, root) => {
    const leaves = inputs.slice(0, size).map(input => leafHash(sha256, parseHex(input) ?? new Uint8Array()));
    expect(hex(treeRoot(sha256, leaves))).toBe(root);
  });
});

describe('certificate-transparency vectors', () => {
  test.each(inclusionCases)('inclusion $name', ({ leafIdx, treeSize, root, leafHash: leaf, proof, wantErr }) => {
    const led = rootFromInclusion(sha256, bytes(leaf), leafIdx, treeSize, proofOf(proof));
    expect(led !== null && equalBytes(led, bytes(root))).toBe(!wantErr);
  });

  test.each(consistencyCases)('consistency $name', ({ size1, size2, root1, root2, proof, wantErr }) => {
    expect(checkConsistency(sha256, size1, size2, bytes(root1), bytes(root2), proofOf(proof))).toBe(!wantErr);
  });
});

const maxSize = 100;
const leaves = Array.from({ length: maxSize }, (_, i) => leafHash(sha256, utf8(`leaf ${i}`)));
const grown = new TreeHasher(sha256);
const rootsBySize = [grown.root()];
for (const leaf of leaves) {
  grown.append(leaf);
  rootsBySize.push(grown.root());
}
const sizes = Array.from({ length: maxSize }, (_, i) => i + 1);
const rootOf = (size: number) => rootsBySize[size] ?? new Uint8Array();

function flipped(hash: Uint8Array): Uint8Array {
  return hash.map((byte, i) => (i === hash.length - 1 ? byte ^ 1 : byte));
}

/** Every proof that differs from this one by one hash flipped, left out or put in. */
function* mutations(proof: readonly Uint8Array[]): Generator<Uint8Array[]> {
  for (const [i, hash] of proof.entries()) {
    yield proof.with(i, flipped(hash));
    yield proof.toSpliced(i, 1);
    yield proof.toSpliced(i, 0, hash);
  }
  yield [...proof, new Uint8Array(32)];
  yield [new Uint8Array(32), ...proof];
}

// A million hashes each: seconds, more on a busy machine.
describe('every tree of up to 100 leaves', { timeout: 120_000 }, () => {
  test('has the root that the definition gives', () => {
    const defined = (part: readonly Uint8Array[]): Uint8Array => {
      const [only] = part;
      if (!only) return sha256(new Uint8Array());
      if (part.length === 1) return only;
      const k = 2 ** (Math.ceil(Math.log2(part.length)) - 1);
      return nodeHash(sha256, defined(part.slice(0, k)), defined(part.slice(k)));
    };
    for (const size of sizes) {
      expect(equalBytes(rootOf(size), defined(leaves.slice(0, size)))).toBe(true);
      expect(equalBytes(rootOf(size), treeRoot(sha256, leaves.slice(0, size)))).toBe(true);
    }
  });

  test('proves each leaf, and no mutated inclusion proof holds', () => {
    const wrong: string[] = [];
    for (const size of sizes) {
      const root = rootOf(size);
      const part = leaves.slice(0, size);
      for (const [index, leaf] of part.entries()) {
        const proof = proveInclusion(sha256, part, index);
        const holds = (l: Uint8Array, i: number, n: number, p: readonly Uint8Array[]) => {
          const led = rootFromInclusion(sha256, l, i, n, p);
          return led !== null && equalBytes(led, root);
        };
        if (!holds(leaf, index, size, proof)) wrong.push(`${index} of ${size} is refused`);
        if (holds(flipped(leaf), index, size, proof)) wrong.push(`${index} of ${size}: another leaf`);
        for (const other of [index - 1, index + 1, index ^ 1, index + 0.5, size, -1])
          if (other !== index && holds(leaf, other, size, proof)) wrong.push(`${index} of ${size} at ${other}`);
        for (const mutated of mutations(proof))
          if (holds(leaf, index, size, mutated)) wrong.push(`${index} of ${size}: a mutated proof`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('is the beginning of each larger one, and no mutated consistency proof holds', () => {
    const wrong: string[] = [];
    for (const n of sizes) {
      const part = leaves.slice(0, n);
      for (const m of sizes.slice(0, n)) {
        const proof = proveConsistency(sha256, part, m);
        const holds = (a: number, b: number, p: readonly Uint8Array[], first = rootOf(m), second = rootOf(n)) =>
          checkConsistency(sha256, a, b, first, second, p);
        if (!holds(m, n, proof)) wrong.push(`${m} in ${n} is refused`);
        if (holds(m, n, proof, flipped(rootOf(m)))) wrong.push(`${m} in ${n}: another first root`);
        if (holds(m, n, proof, rootOf(m), flipped(rootOf(n)))) wrong.push(`${m} in ${n}: another second root`);
        if (m !== n && holds(m - 1, n, proof)) wrong.push(`${m} in ${n} as ${m - 1}`);
        if (m !== n && holds(n, m, proof)) wrong.push(`${m} in ${n} the other way round`);
        if (holds(n, n, proof, rootOf(m)) && m !== n) wrong.push(`${m} in ${n} as ${n} in ${n}`);
        for (const mutated of mutations(proof)) if (holds(m, n, mutated)) wrong.push(`${m} in ${n}: a mutated proof`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('refuses what is not a size', () => {
    const root = rootOf(4);
    expect(checkConsistency(sha256, 0, 4, rootOf(0), root, [])).toBe(false);
    expect(checkConsistency(sha256, 0, 0, rootOf(0), rootOf(0), [])).toBe(false);
    expect(checkConsistency(sha256, -1, 4, root, root, [])).toBe(false);
    expect(checkConsistency(sha256, 5, 4, root, root, [])).toBe(false);
    expect(checkConsistency(sha256, 1.5, 4, root, root, [])).toBe(false);
    expect(checkConsistency(sha256, Number.NaN, 4, root, root, [])).toBe(false);
    // 2^49 - 1 has a logarithm that rounds to 49; it is no power of two.
    expect(checkConsistency(sha256, 2 ** 49 - 1, 2 ** 49, root, root, [])).toBe(false);
    expect(() => proveInclusion(sha256, leaves, leaves.length)).toThrow(RangeError);
    expect(() => proveConsistency(sha256, leaves, 0)).toThrow(RangeError);
    expect(() => proveConsistency(sha256, leaves, leaves.length + 1)).toThrow(RangeError);
  });
});
