-- Moments are seconds since 1970, UTC; an hour is the moment at which it began.
-- A key is its fingerprint; the key itself is nowhere in this file.

-- The last reading of each hour.
CREATE TABLE snapshot (
    hour    INTEGER NOT NULL,
    key     TEXT    NOT NULL,
    quota   TEXT    NOT NULL,
    scope   TEXT    NOT NULL,
    used    INTEGER NOT NULL,
    allowed INTEGER,
    PRIMARY KEY (hour, key, quota, scope)
) WITHOUT ROWID;

-- Own requests that were sent, by what they were charged to.
CREATE TABLE spent (
    hour     INTEGER NOT NULL,
    key      TEXT    NOT NULL,
    charged  TEXT    NOT NULL,
    endpoint TEXT    NOT NULL,
    sent     INTEGER NOT NULL,
    failed   INTEGER NOT NULL,
    PRIMARY KEY (hour, key, charged, endpoint)
) WITHOUT ROWID;

-- What the processes that use one key share. The counts only ever grow.
CREATE TABLE share (
    key      TEXT    NOT NULL PRIMARY KEY,
    next_at  INTEGER NOT NULL, -- milliseconds: nobody sends before
    searches INTEGER NOT NULL,
    requests INTEGER NOT NULL
) WITHOUT ROWID;

-- Answers about objects. No report: VirusTotal does not know it.
CREATE TABLE object (
    kind     TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    report   TEXT,
    engines  INTEGER NOT NULL, -- 1: with each engine's result
    asked_at INTEGER NOT NULL,
    used_at  INTEGER NOT NULL, -- milliseconds, for an order among many
    bytes    INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE INDEX object_used ON object (used_at);

-- Other hashes of a file.
CREATE TABLE alias (
    hash TEXT NOT NULL PRIMARY KEY,
    id   TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX alias_id ON alias (id);

-- Entries and bytes, held exact by triggers, and what was counted of their use.
CREATE TABLE counter (
    name  TEXT    NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO counter VALUES
    ('entries', 0), ('bytes', 0), ('hits', 0), ('misses', 0), ('stores', 0),
    ('evicted', 0), ('expired', 0);

CREATE TRIGGER object_in AFTER INSERT ON object BEGIN
    UPDATE counter SET value = value + 1 WHERE name = 'entries';
    UPDATE counter SET value = value + new.bytes WHERE name = 'bytes';
END;
CREATE TRIGGER object_out AFTER DELETE ON object BEGIN
    UPDATE counter SET value = value - 1 WHERE name = 'entries';
    UPDATE counter SET value = value - old.bytes WHERE name = 'bytes';
    DELETE FROM alias WHERE id = old.id;
END;
CREATE TRIGGER object_changed AFTER UPDATE OF bytes ON object BEGIN
    UPDATE counter SET value = value + new.bytes - old.bytes WHERE name = 'bytes';
END;
