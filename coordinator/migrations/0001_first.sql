-- Everything that outlives the coordinator. Numbers without a sign are stored as the signed ones of the same 64 bits; moments are
-- milliseconds since 1970; labels, policies and the like are JSON, because nothing is ever searched in them.

CREATE TABLE fleet (
    only_row              INTEGER PRIMARY KEY CHECK (only_row = 1),
    name                  TEXT    NOT NULL,
    epoch                 INTEGER NOT NULL,
    authority_certificate TEXT    NOT NULL,
    authority_key         TEXT    NOT NULL
) STRICT;

CREATE TABLE hosts (
    host                TEXT    NOT NULL PRIMARY KEY,
    environment         TEXT    NOT NULL,
    labels              TEXT    NOT NULL,
    joined              INTEGER NOT NULL,
    first_expires       INTEGER NOT NULL,
    certificate_expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    digest      TEXT    NOT NULL PRIMARY KEY,
    labels      TEXT    NOT NULL,
    environment TEXT    NOT NULL,
    host        TEXT,
    expires     INTEGER NOT NULL,
    used_by     TEXT,
    used_key    TEXT,
    used_at     INTEGER,
    CHECK ((used_by IS NULL) = (used_key IS NULL) AND (used_by IS NULL) = (used_at IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE releases (
    environment TEXT    NOT NULL,
    app         TEXT    NOT NULL,
    release     INTEGER NOT NULL,
    digest      TEXT    NOT NULL,
    manifest    BLOB    NOT NULL,
    made        INTEGER NOT NULL,
    made_by     TEXT    NOT NULL,
    PRIMARY KEY (environment, app, release)
) STRICT;

-- `body` is the whole rollout as JSON, in the form that `format` numbers; the other columns are copies, to search by.
CREATE TABLE rollouts (
    rollout     INTEGER NOT NULL PRIMARY KEY,
    environment TEXT    NOT NULL,
    app         TEXT    NOT NULL,
    release     INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    began       INTEGER NOT NULL,
    format      INTEGER NOT NULL,
    body        TEXT    NOT NULL,
    FOREIGN KEY (environment, app, release) REFERENCES releases (environment, app, release)
) STRICT;
CREATE INDEX rollouts_by_app ON rollouts (environment, app, release);

-- Without a release: nothing should run.
CREATE TABLE orders (
    host        TEXT    NOT NULL REFERENCES hosts (host),
    environment TEXT    NOT NULL,
    app         TEXT    NOT NULL,
    epoch       INTEGER NOT NULL,
    generation  INTEGER NOT NULL,
    release     INTEGER,
    phase       TEXT    NOT NULL,
    services    TEXT    NOT NULL,
    terms       TEXT    NOT NULL,
    PRIMARY KEY (host, environment, app),
    FOREIGN KEY (environment, app, release) REFERENCES releases (environment, app, release)
) STRICT, WITHOUT ROWID;
CREATE INDEX orders_by_release ON orders (environment, app, release);

CREATE TABLE current_releases (
    environment TEXT    NOT NULL,
    app         TEXT    NOT NULL,
    release     INTEGER NOT NULL,
    policy      TEXT    NOT NULL,
    PRIMARY KEY (environment, app),
    FOREIGN KEY (environment, app, release) REFERENCES releases (environment, app, release)
) STRICT, WITHOUT ROWID;

CREATE TABLE operators (
    operator            TEXT    NOT NULL PRIMARY KEY,
    role                TEXT    NOT NULL,
    certificate_expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Whose certificates are refused though they have not expired.
CREATE TABLE removed (
    kind    TEXT    NOT NULL CHECK (kind IN ('host', 'operator')),
    subject TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;
