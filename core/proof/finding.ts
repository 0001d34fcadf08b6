// What verification says (archive format, section 8). A finding: evidence was altered, is missing, or can't be shown complete. A
// report: what an auditor should know and that breaks nothing. Both are data: verification goes on after each.

/** Kinds of finding; exit code 1. */
export type FindingCode =
  | 'archive-missing'
  | 'archive-differs'
  | 'checkpoint-missing'
  | 'checkpoint-unsigned'
  | 'checkpoint-inconsistent'
  | 'checkpoint-behind'
  | 'log-shortened'
  | 'no-head'
  | 'stale'
  | 'entry-missing'
  | 'entry-differs'
  | 'tile-missing'
  | 'tile-altered'
  | 'manifest-missing'
  | 'manifest-altered'
  | 'manifest-unsigned'
  | 'manifest-differs'
  | 'batch-root'
  | 'segment-missing'
  | 'segment-altered'
  | 'segment-unreadable'
  | 'segment-differs'
  | 'segment-misplaced'
  | 'run-altered'
  | 'seal-unsigned'
  | 'key-outside-periods'
  | 'chain-broken'
  | 'partitions-fell'
  | 'lost'
  | 'gap'
  | 'silent'
  | 'future'
  | 'hidden'
  | 'further-version'
  | 'lock-short'
  | 'retention-short'
  | 'unlisted';

/** Kinds of report; exit code 0. */
export type ReportCode =
  | 'late'
  | 'restart'
  | 'open'
  | 'abandoned'
  | 'doubled'
  | 'unclosed'
  | 'expired'
  | 'unwitnessed'
  | 'pending'
  | 'silence'
  | 'same-bytes'
  | 'no-head-yet';

/** Where it is and what it concerns; what is not known or does not apply is left out. */
export interface Where {
  /** The object's key, relative to the prefix. */
  readonly object?: string;
  readonly versionId?: string;
  /** Start of the period. */
  readonly period?: string;
  readonly partition?: number;
  readonly generation?: number;
  /** Raw offsets, `next` excluded. */
  readonly offsets?: { readonly first: bigint; readonly next: bigint };
  /** How many events are affected. */
  readonly events?: number;
  /** A producer instance and its numbers, both ends included. */
  readonly producer?: { readonly instance: string; readonly first: bigint; readonly last: bigint };
}

export interface Observation<Code extends string> extends Where {
  readonly code: Code;
  /** What it means, in a sentence: found, expected. */
  readonly message: string;
}

export type Finding = Observation<FindingCode>;
export type Report = Observation<ReportCode>;

/** Where checks put what they see. */
export interface Notebook {
  finding(code: FindingCode, where: Where, message: string): void;
  report(code: ReportCode, where: Where, message: string): void;
}
