/** What is a valid event: one answer for those who publish and for those who normalize. Pure. */
export { ACTION_RULE, AUDIT_ACTIONS, isAction, RESERVED_PREFIX } from './actions.ts';
export { checkEvent, type EventProblem } from './check-event.ts';
export { compilePattern } from './glob.ts';
export { INSTANCE_HEADER, RETRIED_FLAG, RETRY_HEADER, SEQUENCE_HEADER } from './headers.ts';
export { defaultKey } from './key.ts';
export { LIMITS } from './limits.ts';
