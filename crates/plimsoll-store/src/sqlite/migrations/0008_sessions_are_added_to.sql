-- A conversation grows with each of its requests; what came since all of it was written stands beside it.
CREATE TABLE session_text (
    session TEXT    NOT NULL REFERENCES session (key) ON DELETE CASCADE,
    n       INTEGER NOT NULL,
    texts   BLOB    NOT NULL,
    PRIMARY KEY (session, n)
) STRICT, WITHOUT ROWID;
