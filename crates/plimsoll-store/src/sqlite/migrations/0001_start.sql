-- Times are microseconds since 1970. Rows here are what their traits say; the triggers hold even
-- for somebody who comes past the traits.

CREATE TABLE api_key (
    sha256      BLOB    NOT NULL PRIMARY KEY CHECK (length(sha256) = 32),
    prefix      TEXT    NOT NULL UNIQUE,
    name        TEXT    NOT NULL,
    kind        TEXT    NOT NULL CHECK (kind IN ('user', 'service', 'agent', 'admin')),
    workflow    TEXT    NOT NULL,
    tenant      TEXT    NOT NULL,
    roles       TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    revoked_at  INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE approval (
    id              TEXT    NOT NULL PRIMARY KEY,
    state           TEXT    NOT NULL CHECK (state IN ('open', 'granted', 'denied', 'expired', 'consumed')),
    act_digest      BLOB    NOT NULL CHECK (length(act_digest) = 32),
    roles           TEXT    NOT NULL,
    quorum          INTEGER NOT NULL,
    expires_after_s INTEGER NOT NULL,
    workflow        TEXT    NOT NULL,
    tool            TEXT    NOT NULL,
    requester       TEXT    NOT NULL,
    opened_at       INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    page            TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX approval_standing ON approval (requester, act_digest) WHERE state IN ('open', 'granted');
CREATE INDEX approval_asked ON approval (requester, act_digest, opened_at);
CREATE INDEX approval_state ON approval (state, opened_at);
CREATE INDEX approval_due ON approval (expires_at) WHERE state IN ('open', 'granted');

CREATE TABLE vote (
    approval TEXT    NOT NULL REFERENCES approval (id),
    person   TEXT    NOT NULL,
    yes      INTEGER NOT NULL CHECK (yes IN (0, 1)),
    at       INTEGER NOT NULL,
    comment  TEXT    NOT NULL,
    PRIMARY KEY (approval, person)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER vote_not_ones_own BEFORE INSERT ON vote
WHEN EXISTS (SELECT 1 FROM approval WHERE id = NEW.approval AND requester = NEW.person)
BEGIN SELECT RAISE(ABORT, 'the requester of an act cannot vote on it'); END;

CREATE TRIGGER vote_is_final BEFORE UPDATE ON vote
BEGIN SELECT RAISE(ABORT, 'a vote cannot be changed'); END;

CREATE TRIGGER approval_end_is_final BEFORE UPDATE OF state ON approval
WHEN OLD.state IN ('denied', 'expired', 'consumed')
BEGIN SELECT RAISE(ABORT, 'an approval that has ended cannot change'); END;

CREATE TRIGGER approval_spends_only_what_is_granted BEFORE UPDATE OF state ON approval
WHEN NEW.state = 'consumed' AND OLD.state <> 'granted'
BEGIN SELECT RAISE(ABORT, 'only a granted approval can be spent'); END;

CREATE TRIGGER approval_is_bound BEFORE UPDATE OF id, act_digest, requester, roles, quorum, expires_at, page ON approval
BEGIN SELECT RAISE(ABORT, 'what an approval is bound to cannot change'); END;

CREATE TABLE stop (
    scope  TEXT    NOT NULL CHECK (scope IN ('all', 'workflow', 'tool', 'principal')),
    name   TEXT    NOT NULL,
    reason TEXT    NOT NULL,
    person TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    id         TEXT    NOT NULL PRIMARY KEY,
    workflow   TEXT    NOT NULL,
    principal  TEXT    NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_seen ON session (seen_at);

CREATE TABLE result (
    n       INTEGER PRIMARY KEY,
    address BLOB    NOT NULL CHECK (length(address) = 32),
    tool    TEXT    NOT NULL,
    session TEXT    NOT NULL,
    label   TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    UNIQUE (address, tool, session)
) STRICT;
CREATE INDEX result_at ON result (at);

CREATE TABLE proposal (
    principal  TEXT    NOT NULL,
    workflow   TEXT    NOT NULL,
    tool       TEXT    NOT NULL,
    arguments  BLOB    NOT NULL CHECK (length(arguments) = 32),
    session    TEXT    NOT NULL,
    act        TEXT    NOT NULL,
    flow       TEXT    NOT NULL,
    trajectory TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (principal, workflow, tool, arguments)
) STRICT, WITHOUT ROWID;
CREATE INDEX proposal_at ON proposal (at);

CREATE TABLE entry (
    seq       INTEGER PRIMARY KEY,
    id        TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    kind      TEXT    NOT NULL,
    session   TEXT    NOT NULL,
    workflow  TEXT    NOT NULL,
    principal TEXT    NOT NULL,
    tool      TEXT    NOT NULL,
    tier      TEXT    NOT NULL,
    decision  TEXT    NOT NULL,
    status    TEXT    NOT NULL,
    act       TEXT    NOT NULL,
    request   TEXT    NOT NULL,
    in_doubt  INTEGER NOT NULL CHECK (in_doubt IN (0, 1)),
    body      TEXT    NOT NULL
) STRICT;
CREATE INDEX entry_id ON entry (id);
CREATE INDEX entry_session ON entry (session) WHERE session <> '';
CREATE INDEX entry_act ON entry (act) WHERE act <> '';
CREATE INDEX entry_request ON entry (request) WHERE request <> '';
CREATE INDEX entry_tool ON entry (tool) WHERE tool <> '';
CREATE INDEX entry_principal ON entry (principal) WHERE principal <> '';
CREATE INDEX entry_in_doubt ON entry (at) WHERE in_doubt = 1;
CREATE INDEX entry_decision ON entry (decision) WHERE decision IN ('hold', 'refuse');

-- How many entries are projected.
CREATE TABLE projection (
    one  INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    size INTEGER NOT NULL
) STRICT;
INSERT INTO projection VALUES (1, 0);

-- What the health check writes: a row that changes, since SQLite writes nothing for one that does not.
CREATE TABLE pulse (
    one   INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    beats INTEGER NOT NULL
) STRICT;
INSERT INTO pulse VALUES (1, 0);

CREATE TABLE counter (
    key    TEXT    NOT NULL,
    window INTEGER NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (key, window)
) STRICT, WITHOUT ROWID;
CREATE INDEX counter_window ON counter (window);
