// The alteration table: what somebody does who can write to the bucket, or holds a key, and what `verify` says of it. Each row is played
// on a copy in memory and in a folder and, where that is asked for, on servers; docs/threat-model.md shows the same rows.

import type { FindingCode, ReportCode } from '../../core/proof/finding.ts';
import type { Objects } from '../archive-objects.ts';
import type { Trusted } from '../unit/auditor/verifying.ts';

/** What the attacker has beside what everybody has: write access to the bucket is with each of them. */
export type Holder = 'bucket' | 'archiver' | 'normalizer' | 'both';

export interface Played {
  /** The archive as the attacker leaves it. */
  readonly objects: Objects;
  /** What the auditor knows: keys, policy, the time. */
  readonly trust: Trusted;
}

export interface Attack {
  readonly name: string;
  readonly by: Holder;
  /** `copy`: the latest objects show it, also in a folder; `versions`: only a server's versions, delete markers or locks do. */
  readonly needs: 'copy' | 'versions';
  /** Kinds that must be found, each at least once; none: `verify` alone can't tell, and `only` says who could. */
  readonly found: readonly FindingCode[];
  /** Kinds that must be reported: no verdict, but told. */
  readonly reported?: readonly ReportCode[] | undefined;
  /** The object that at least one finding names. */
  readonly at?: string | undefined;
  /** Who could tell, where nothing is found: a witness that saw another log; a producer that knows what it sent. */
  readonly only?: 'a witness' | "a producer's numbers" | 'a producer that keeps what it sent' | undefined;
  readonly play: () => Played;
}
