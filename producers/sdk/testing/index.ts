/** The test kit's door: an auditor in memory, and matchers for what it recorded. */

export type { RecordedChange, RecordedEvent, RecordedTarget } from '../recorded-event.ts';
export { type AuditMatchers, auditMatchers } from './matchers.ts';
export type { EventPattern } from './matching.ts';
export { createTestAuditor, type TestAuditor, type TestAuditorOptions } from './test-auditor.ts';
