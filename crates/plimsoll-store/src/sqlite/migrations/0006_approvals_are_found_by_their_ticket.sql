-- What people answered to a question is found by its ticket, not by reading every question since.
-- The projection is built again from the ledger by the next start.
DELETE FROM entry;
UPDATE projection SET size = 0;
ALTER TABLE entry ADD COLUMN ticket TEXT NOT NULL DEFAULT '';
CREATE INDEX entry_ticket ON entry (ticket) WHERE ticket <> '';
