-- An index had a line for each entry, and entries that belong together come together. Now 64 entries in a row are a
-- stretch, and what people ask by says in which stretches it is: mostly one line for many entries. The projection is
-- built again from the ledger by the next start.
DELETE FROM entry;
UPDATE projection SET size = 0;
DROP INDEX entry_id;
DROP INDEX entry_session;
DROP INDEX entry_act;
DROP INDEX entry_request;
DROP INDEX entry_tool;
DROP INDEX entry_principal;
DROP INDEX entry_behalf;

CREATE TABLE by_session (
    value   TEXT    NOT NULL,
    stretch INTEGER NOT NULL,
    PRIMARY KEY (value, stretch)
) STRICT, WITHOUT ROWID;
CREATE TABLE by_act (
    value   TEXT    NOT NULL,
    stretch INTEGER NOT NULL,
    PRIMARY KEY (value, stretch)
) STRICT, WITHOUT ROWID;
CREATE TABLE by_request (
    value   TEXT    NOT NULL,
    stretch INTEGER NOT NULL,
    PRIMARY KEY (value, stretch)
) STRICT, WITHOUT ROWID;
CREATE TABLE by_tool (
    value   TEXT    NOT NULL,
    stretch INTEGER NOT NULL,
    PRIMARY KEY (value, stretch)
) STRICT, WITHOUT ROWID;
CREATE TABLE by_principal (
    value   TEXT    NOT NULL,
    stretch INTEGER NOT NULL,
    PRIMARY KEY (value, stretch)
) STRICT, WITHOUT ROWID;
CREATE TABLE by_behalf (
    value   TEXT    NOT NULL,
    stretch INTEGER NOT NULL,
    PRIMARY KEY (value, stretch)
) STRICT, WITHOUT ROWID;

-- Ids of entries begin with the time, so those of a stretch are close together.
CREATE TABLE stretch (
    n        INTEGER PRIMARY KEY,
    first_id TEXT NOT NULL,
    last_id  TEXT NOT NULL
) STRICT;
