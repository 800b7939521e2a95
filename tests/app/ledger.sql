-- The table the test application writes to. No unique constraint on purpose: a row written twice
-- must stay visible, so that the judge can find it.
CREATE TABLE IF NOT EXISTS ledger (
  id text NOT NULL,
  pod text NOT NULL,
  seq bigint NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
