/** The policy's door: one file that says what is accepted, what is masked, and who has to be named. */
export { type PolicyChange, type PolicyChangePlace, policyChangeEvent } from './change-event.ts';
export { type Comparison, comparePolicies, type PolicyDifference } from './compare.ts';
export { PolicyError, type PolicyErrorCode, type PolicyProblem } from './error.ts';
export { ExampleError, type ExampleResult, recordOfExample, runExamples } from './example.ts';
export { loadPolicy, type PolicyOptions, type PolicySource } from './load.ts';
export {
  DEFAULT_POLICY,
  type LoadedPolicy,
  type PolicyDecision,
  type PolicyRefusal,
  type PolicyRefusalCode,
  parsePolicyFile,
} from './policy.ts';
export { type RecentOptions, recentRecords } from './recent.ts';
