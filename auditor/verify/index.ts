export type { Verdict, VerifyCounts, VerifyOptions } from './audit.ts';
export { exitCodeOf, formatVerdict, verdictJson } from './format.ts';
export { verifyArchive } from './verify.ts';
