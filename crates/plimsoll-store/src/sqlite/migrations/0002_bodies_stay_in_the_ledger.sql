-- An entry stands whole in the ledger, and here is what people ask by and where it stands. The projection is built
-- again from the ledger by the next start.
DELETE FROM entry;
UPDATE projection SET size = 0;
ALTER TABLE entry ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
