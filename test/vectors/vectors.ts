// Reads the published vectors that lie beside; see README.md for where they are from.

import { readFileSync } from 'node:fs';

export interface InclusionCase {
  readonly name: string;
  readonly leafIdx: number;
  readonly treeSize: number;
  readonly root: string;
  readonly leafHash: string;
  readonly proof: readonly string[] | null;
  readonly wantErr: boolean;
}

export interface ConsistencyCase {
  readonly name: string;
  readonly size1: number;
  readonly size2: number;
  readonly root1: string;
  readonly root2: string;
  readonly proof: readonly string[] | null;
  readonly wantErr: boolean;
}

export interface NoteVectors {
  /** Each with a verifier key by which it opens; checkpoints also with their size and origin. */
  readonly notes: readonly {
    readonly name: string;
    readonly key: string;
    readonly note: string;
    readonly size?: number;
    readonly origin?: string;
  }[];
  readonly malformed: readonly { readonly name: string; readonly note: string }[];
  readonly badKeys: readonly string[];
}

function load<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'));
}

export const inclusionCases: readonly InclusionCase[] = load('rfc6962-inclusion.json');
export const consistencyCases: readonly ConsistencyCase[] = load('rfc6962-consistency.json');
export const noteVectors: NoteVectors = load('notes.json');
