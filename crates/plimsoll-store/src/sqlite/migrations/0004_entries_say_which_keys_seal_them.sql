-- Which key seals each class of an entry's fields, so that the keys of a session or of somebody are found and destroyed.
-- The projection is built again from the ledger by the next start.
DELETE FROM entry;
UPDATE projection SET size = 0;
ALTER TABLE entry ADD COLUMN behalf TEXT NOT NULL DEFAULT '';
ALTER TABLE entry ADD COLUMN key_identity INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entry ADD COLUMN key_arguments INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entry ADD COLUMN key_content INTEGER NOT NULL DEFAULT 0;
CREATE INDEX entry_behalf ON entry (behalf) WHERE behalf <> '';
