-- The queue of uploads. It survives restarts: what is half sent goes on with the next part.
CREATE TABLE uploads (
    recording     TEXT NOT NULL,
    file          TEXT NOT NULL,
    destination   TEXT NOT NULL,
    url           TEXT NOT NULL,
    state         TEXT NOT NULL,
    sent_bytes    INTEGER NOT NULL DEFAULT 0,
    attempts      INTEGER NOT NULL DEFAULT 0,
    -- Attempts in a row that came no farther than those before; the wait before the next one grows with them.
    failures      INTEGER NOT NULL DEFAULT 0,
    -- The farthest that an attempt that failed has come; one that came farther counts as the first failure again.
    farthest      INTEGER NOT NULL DEFAULT 0,
    -- Milliseconds since 1970.
    next_at       INTEGER NOT NULL DEFAULT 0,
    error         TEXT,
    -- Microseconds since 1970.
    verified_at   INTEGER,
    sha256        TEXT,
    local_removed INTEGER NOT NULL DEFAULT 0,
    -- The multipart upload under way, and the file it was begun with.
    upload_id     TEXT,
    size          INTEGER NOT NULL DEFAULT 0,
    part_bytes    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (recording, file, destination)
) STRICT;
CREATE INDEX uploads_by_turn ON uploads (destination, state, next_at);

CREATE TABLE parts (
    recording     TEXT NOT NULL,
    file          TEXT NOT NULL,
    destination   TEXT NOT NULL,
    number        INTEGER NOT NULL,
    part_id       TEXT NOT NULL,
    PRIMARY KEY (recording, file, destination, number)
) STRICT;

-- Multipart uploads whose recording is gone: the destination is told to forget their parts.
CREATE TABLE abandoned (
    url           TEXT NOT NULL,
    destination   TEXT NOT NULL,
    upload_id     TEXT NOT NULL,
    PRIMARY KEY (url, upload_id)
) STRICT;
