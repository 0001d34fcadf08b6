import { readFileSync } from 'node:fs';

/** What makes the outbox' tables; it may be run again. */
export const outboxTable = (): string => readFileSync(new URL('table.sql', import.meta.url), 'utf8');
