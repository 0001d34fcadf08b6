// One verification: what is trusted, what is known so far, and the notebook of what was seen.

import type { Crypto, Decompress } from '../../core/proof/crypto.ts';
import type { Finding, FindingCode, Notebook, Report, ReportCode, Where } from '../../core/proof/finding.ts';
import type { DatedKey } from '../../core/proof/keys.ts';
import type { Policy } from '../../core/proof/policy.ts';
import type { ArchiveStore, ObjectVersion, Retention } from '../store.ts';
import type { Inventory } from './inventory.ts';
import type { SegmentReader } from './segment-reader.ts';

/** What the auditor trusts and asks for. Times in ms since 1970. */
export interface VerifyOptions {
  readonly policy: Policy;
  readonly sealKeys: readonly DatedKey[];
  /** Validity of log keys beside the policy's; null: valid for all periods. */
  readonly logKeys: readonly DatedKey[] | null;
  /** Time of verification. */
  readonly at: number;
  /** Only the segments of batches whose periods begin within are opened; null: all. */
  readonly from: number | null;
  readonly to: number | null;
  /** The shortest retention that was promised, ms; null: not known. */
  readonly minRetention: number | null;
  /** The least firm lock that the auditor takes; the format demands COMPLIANCE, which it is where this is absent. */
  readonly lockMode?: Retention['mode'] | undefined;
  readonly crypto: Crypto;
  readonly decompress: Decompress;
  /** Threads that open segments; one, or absent: none beside the caller's. What is found does not depend on it. */
  readonly workers?: number | undefined;
  /** Bytes of segments that are opened before threads are started, which takes as long; where it is absent, 16 MiB. */
  readonly threadsFrom?: number | undefined;
  /** Told as batches are done. */
  readonly onProgress?: (done: number, total: number, period: string) => void;
}

/** What was gone through. */
export interface VerifyCounts {
  batches: number;
  partitions: number;
  segments: number;
  seals: number;
  events: number;
  bytes: number;
  expiredSegments: number;
  expiredEvents: number;
  pendingSegments: number;
  pendingEvents: number;
}

export interface Verdict {
  readonly location: string;
  readonly at: number;
  readonly origin: string;
  readonly findings: readonly Finding[];
  readonly reports: readonly Report[];
  /** What could not be checked, and so stays unproven: exit code 2 where there is no finding. */
  readonly unchecked: readonly string[];
  /** What by its nature or by the options was not checked. */
  readonly notes: readonly string[];
  readonly counts: VerifyCounts;
  /** Size of the log that is signed, and of the head that the policy accepts. */
  readonly log: {
    readonly size: number;
    readonly head: number;
    readonly first: string | null;
    readonly last: string | null;
  };
}

/** Collects; can be applied to another notebook later, so that work done ahead is told in order. */
export class Notes implements Notebook {
  readonly findings: Finding[] = [];
  readonly reports: Report[] = [];

  finding(code: FindingCode, where: Where, message: string): void {
    this.findings.push({ code, ...where, message });
  }

  report(code: ReportCode, where: Where, message: string): void {
    this.reports.push({ code, ...where, message });
  }

  add(other: Notes): void {
    this.findings.push(...other.findings);
    this.reports.push(...other.reports);
  }
}

export interface Audit extends VerifyOptions {
  readonly store: ArchiveStore;
  readonly inventory: Inventory;
  readonly notes: Notes;
  readonly counts: VerifyCounts;
  /** Opens segments; there from when it is known whose seals count. */
  segments: SegmentReader;
  /** Whether locks can be asked for. */
  readonly canReadLocks: boolean;
}

/** Five minutes: how far clocks may differ before a time is in the future. */
export const clockTolerance = 5 * 60_000;

export function whereOf(version: ObjectVersion): Where {
  return { object: version.key, ...(version.versionId ? { versionId: version.versionId } : {}) };
}
