-- What opens sealed fields. Every `wrapped`, `lookup` and `reason` is ciphertext under the key-encryption key of the
-- current epoch.

CREATE TABLE instance (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    id       BLOB    NOT NULL CHECK (length(id) = 16),
    epoch    INTEGER NOT NULL CHECK (epoch > 0),
    lookup   BLOB    NOT NULL,
    last_key INTEGER NOT NULL
) STRICT;

CREATE TABLE dek (
    id      INTEGER NOT NULL PRIMARY KEY,
    class   INTEGER NOT NULL,
    audit   INTEGER NOT NULL CHECK (audit IN (0, 1)),
    wrapped BLOB    NOT NULL
) STRICT;

CREATE TABLE pseudonym (
    pseudonym TEXT    NOT NULL PRIMARY KEY,
    lookup    BLOB    NOT NULL UNIQUE CHECK (length(lookup) = 32),
    audit     INTEGER NOT NULL CHECK (audit IN (0, 1)),
    wrapped   BLOB    NOT NULL,
    at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE hold (
    of     TEXT    NOT NULL CHECK (of IN ('subject', 'session')),
    about  TEXT    NOT NULL,
    by     TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    reason BLOB    NOT NULL,
    PRIMARY KEY (of, about)
) STRICT, WITHOUT ROWID;

CREATE TABLE glass (
    ticket   TEXT    NOT NULL PRIMARY KEY,
    person   TEXT    NOT NULL,
    classes  BLOB    NOT NULL,
    state    TEXT    NOT NULL CHECK (state IN ('asked', 'granted', 'denied')),
    by       TEXT    NOT NULL,
    seconds  INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    until    INTEGER,
    reason   BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER glass_is_not_broken_alone BEFORE INSERT ON glass
WHEN NEW.state = 'granted' AND NEW.by = NEW.person
BEGIN SELECT RAISE(ABORT, 'nobody grants their own request'); END;
