-- The outbox of a service: events that its own transactions record, until the relay has published them. PostgreSQL 13 or newer.
CREATE TABLE IF NOT EXISTS tidemark_outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- A row of a lower id may become visible later than one of a higher: the relay goes by transactions.
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  key text NOT NULL,
  event json NOT NULL,
  -- The event's number, once the relay has given it one: whoever sends the row again sends it under the same.
  sequence bigint UNIQUE,
  -- Why it can't be published; such a row stays until somebody looks after it.
  problem text
);
CREATE INDEX IF NOT EXISTS tidemark_outbox_waiting ON tidemark_outbox (xid, id) WHERE sequence IS NULL AND problem IS NULL;

-- One row: under which instance the outbox numbers its events, and the next number. It lives as long as the outbox.
CREATE TABLE IF NOT EXISTS tidemark_outbox_instance (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  instance text NOT NULL,
  next bigint NOT NULL DEFAULT 0
);
INSERT INTO tidemark_outbox_instance (instance) VALUES (gen_random_uuid()::text) ON CONFLICT DO NOTHING;
