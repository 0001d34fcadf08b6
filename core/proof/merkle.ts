// Merkle trees of RFC 6962 section 2.1 over SHA-256, and the proofs of RFC 9162 sections 2.1.3 and 2.1.4 (the same trees).
//
//   leaf   SHA256(0x00 || data)
//   node   SHA256(0x01 || left || right), split at the largest power of two below n
//   empty  SHA256("")
//
// Functions take leaf *hashes*; `leafHash` makes one of a leaf's data.

import { concat, equalBytes } from './bytes.ts';
import type { Crypto } from './crypto.ts';

type Sha256 = Crypto['sha256'];

const leafPrefix = Uint8Array.of(0);
const nodePrefix = Uint8Array.of(1);
const hashLength = 32;

export function leafHash(sha256: Sha256, data: Uint8Array): Uint8Array {
  return sha256(concat(leafPrefix, data));
}

/** As {@link leafHash}, of data that a byte of room is before, which becomes the prefix: a run hashes each event, and copies none. */
export function leafHashWithRoom(sha256: Sha256, roomAndData: Uint8Array): Uint8Array {
  roomAndData.set(leafPrefix);
  return sha256(roomAndData);
}

export function nodeHash(sha256: Sha256, left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(concat(nodePrefix, left, right));
}

/** A tree that grows by a leaf at a time and keeps one hash a level: O(log n) memory. */
export class TreeHasher {
  readonly #sha256: Sha256;
  /** Roots of the perfect subtrees that the leaves so far make up, largest first. */
  readonly #subtrees: { size: number; hash: Uint8Array }[] = [];
  /** What a node is the hash of, written anew for each. */
  readonly #node = concat(nodePrefix, new Uint8Array(2 * hashLength));
  #size = 0;

  constructor(sha256: Sha256) {
    this.#sha256 = sha256;
  }

  get size(): number {
    return this.#size;
  }

  append(hash: Uint8Array): void {
    let node = { size: 1, hash };
    for (let top = this.#subtrees.at(-1); top?.size === node.size; top = this.#subtrees.at(-1)) {
      this.#subtrees.pop();
      node = { size: node.size * 2, hash: this.#hash(top.hash, node.hash) };
    }
    this.#subtrees.push(node);
    this.#size++;
  }

  #hash(left: Uint8Array, right: Uint8Array): Uint8Array {
    if (left.length !== hashLength || right.length !== hashLength) return nodeHash(this.#sha256, left, right);
    this.#node.set(left, 1);
    this.#node.set(right, 1 + hashLength);
    return this.#sha256(this.#node);
  }

  root(): Uint8Array {
    let root: Uint8Array | undefined;
    for (const { hash } of this.#subtrees.toReversed()) root = root ? nodeHash(this.#sha256, hash, root) : hash;
    return root ?? this.#sha256(new Uint8Array());
  }
}

/** The root over leaf hashes. */
export function treeRoot(sha256: Sha256, leaves: readonly Uint8Array[]): Uint8Array {
  const tree = new TreeHasher(sha256);
  for (const leaf of leaves) tree.append(leaf);
  return tree.root();
}

function split(size: number): number {
  let k = 1;
  while (k * 2 < size) k *= 2;
  return k;
}

/** PATH(index, D[n]): from the leaf's sibling up to the root's child. The index is within the leaves. */
export function proveInclusion(sha256: Sha256, leaves: readonly Uint8Array[], index: number): Uint8Array[] {
  if (index < 0 || index >= leaves.length) throw new RangeError(`no leaf ${index} in a tree of ${leaves.length}`);
  if (leaves.length === 1) return [];
  const k = split(leaves.length);
  return index < k
    ? [...proveInclusion(sha256, leaves.slice(0, k), index), treeRoot(sha256, leaves.slice(k))]
    : [...proveInclusion(sha256, leaves.slice(k), index - k), treeRoot(sha256, leaves.slice(0, k))];
}

/** The root that an inclusion proof leads to (RFC 9162 section 2.1.3.2), or null where its length does not fit index and size. */
export function rootFromInclusion(
  sha256: Sha256,
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
): Uint8Array | null {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return null;
  // Of hashes of other lengths, bytes could be moved from one to its neighbour without changing the node's.
  if (leaf.length !== hashLength || proof.some(sibling => sibling.length !== hashLength)) return null;
  let at = index;
  let last = size - 1;
  let root = leaf;
  for (const sibling of proof) {
    if (last === 0) return null;
    if (at % 2 === 1 || at === last) {
      root = nodeHash(sha256, sibling, root);
      while (at % 2 === 0 && at !== 0) {
        at /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      root = nodeHash(sha256, root, sibling);
    }
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? root : null;
}

/** PROOF(m, D[n]) of RFC 6962 section 2.1.2, for 0 < m <= n. */
export function proveConsistency(sha256: Sha256, leaves: readonly Uint8Array[], m: number): Uint8Array[] {
  if (m <= 0 || m > leaves.length) throw new RangeError(`no tree of ${m} within ${leaves.length} leaves`);
  const subproof = (size: number, part: readonly Uint8Array[], whole: boolean): Uint8Array[] => {
    if (size === part.length) return whole ? [] : [treeRoot(sha256, part)];
    const k = split(part.length);
    return size <= k
      ? [...subproof(size, part.slice(0, k), whole), treeRoot(sha256, part.slice(k))]
      : [...subproof(size - k, part.slice(k), false), treeRoot(sha256, part.slice(0, k))];
  };
  return subproof(m, leaves, true);
}

/** Whether the tree of size `m` and root `first` is the beginning of that of size `n` and root `second` (RFC 9162 section 2.1.4.2). */
export function checkConsistency(
  sha256: Sha256,
  m: number,
  n: number,
  first: Uint8Array,
  second: Uint8Array,
  proof: readonly Uint8Array[],
): boolean {
  if (!Number.isSafeInteger(m) || !Number.isSafeInteger(n) || m <= 0 || m > n) return false;
  if (m === n) return proof.length === 0 && equalBytes(first, second);
  if ([first, second, ...proof].some(hash => hash.length !== hashLength)) return false;
  // Not by Math.log2, which rounds 2^49 - 1 up to a power of two.
  const path = split(m) * 2 === m || m === 1 ? [first, ...proof] : [...proof];
  let [a, b] = [path[0], path[0]];
  let [at, last] = [m - 1, n - 1];
  while (at % 2 === 1) [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  for (const node of path.slice(1)) {
    if (last === 0 || !a || !b) return false;
    if (at % 2 === 1 || at === last) {
      [a, b] = [nodeHash(sha256, node, a), nodeHash(sha256, node, b)];
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)];
    } else {
      b = nodeHash(sha256, b, node);
    }
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 && a !== undefined && b !== undefined && equalBytes(a, first) && equalBytes(b, second);
}
