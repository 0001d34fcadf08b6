export type { Verdict, VerifyCounts, VerifyOptions } from './audit.ts';
export { verifyArchive } from './verify.ts';
