-- Hosts that are cordoned or drained, shares of what is new, freezes.

-- Who relieved it of what, as JSON; NULL: nobody.
ALTER TABLE hosts ADD COLUMN relieved TEXT;

-- In percent.
ALTER TABLE orders ADD COLUMN share INTEGER NOT NULL DEFAULT 100;

CREATE TABLE freezes (
    freeze INTEGER NOT NULL PRIMARY KEY,
    body   TEXT    NOT NULL
) STRICT;
