/** `import '@tidemark/sdk/testing/vitest'`: adds the matchers to vitest's `expect`, and their types. */
import { expect } from 'vitest';
import { type AuditMatchers, auditMatchers } from './matchers.ts';

declare module 'vitest' {
  // Its type parameters are those of vitest's own, all of them.
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> extends AuditMatchers<R> {}
}

expect.extend(auditMatchers);
