-- What tools returned is known again after a restart by fingerprints, and what a conversation was shown goes on. The
-- content of neither is kept. Nothing was ever written to the tables that stood here before.
DROP TABLE result;
DROP TABLE session;

CREATE TABLE result (
    n         INTEGER PRIMARY KEY,
    address   BLOB    NOT NULL CHECK (length(address) = 32),
    tool      TEXT    NOT NULL,
    session   TEXT    NOT NULL,
    principal TEXT    NOT NULL,
    requester TEXT    NOT NULL,
    label     TEXT    NOT NULL,
    call      BLOB,
    forms     BLOB    NOT NULL CHECK (length(forms) % 32 = 0),
    folded    INTEGER NOT NULL,
    prints    BLOB    NOT NULL,
    at        INTEGER NOT NULL,
    UNIQUE (address, tool, session, requester)
) STRICT;
CREATE INDEX result_at ON result (at);
CREATE INDEX result_session ON result (session);
CREATE INDEX result_principal ON result (principal);
CREATE INDEX result_requester ON result (requester);

CREATE TABLE session (
    key       TEXT    NOT NULL PRIMARY KEY,
    id        TEXT    NOT NULL,
    workflow  TEXT    NOT NULL,
    principal TEXT    NOT NULL,
    requester TEXT    NOT NULL,
    began_at  INTEGER,
    seen_at   INTEGER NOT NULL,
    life      TEXT    NOT NULL,
    texts     BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_seen ON session (seen_at);
CREATE INDEX session_id ON session (id);

CREATE TABLE lapse (
    requester TEXT    NOT NULL,
    workflow  TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (requester, workflow)
) STRICT, WITHOUT ROWID;

-- Up to which entry of the ledger everything that was returned and shown is in these tables, and in which running of
-- the machine.
CREATE TABLE memory (
    one      INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    known_to INTEGER NOT NULL CHECK (known_to >= 0),
    boot     TEXT    NOT NULL
) STRICT;
INSERT INTO memory VALUES (1, 0, '');
