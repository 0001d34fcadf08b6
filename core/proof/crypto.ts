/**
 * The primitives that proofs rest on, passed in by who checks: Node's on the command line, a page's in a browser.
 * All are synchronous and pure; none throws for wrong input, a bad signature is `false`.
 */
export interface Crypto {
  /** SHA-256 (FIPS 180-4): 32 bytes. */
  sha256(data: Uint8Array): Uint8Array;
  /** Ed25519 (RFC 8032): 32-byte public key, 64-byte signature. */
  verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** ML-DSA-44 (FIPS 204): 1312-byte public key, 2420-byte signature. */
  verifyMlDsa44(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

/** What opens a container's blocks, passed in for the same reason. Throws where the bytes are not of that codec or come out larger than `limit`. */
export type Decompress = (codec: 'zstandard' | 'deflate', data: Uint8Array, limit: number) => Uint8Array;
