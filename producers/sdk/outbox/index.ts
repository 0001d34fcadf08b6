/** The door of the outbox: events as rows of a service's own transactions, and the relay that publishes them. */
export { createOutbox, type Outbox, type OutboxOptions, type SqlClient } from './outbox.ts';
export { type RelayOptions, relayOutbox } from './relay.ts';
export { outboxTable } from './table.ts';
