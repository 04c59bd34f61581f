-- What the manifests say, in a form that answers questions. `manifest` is the whole manifest; the other columns
-- and tables are drawn out of it. Times are microseconds since 1970.
CREATE TABLE recordings (
    id          TEXT PRIMARY KEY,
    room        TEXT NOT NULL,
    state       TEXT NOT NULL,
    started_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    deleted_at  INTEGER,
    manifest    TEXT NOT NULL,
    -- The file it was read from: changed ones are read again at start.
    modified_ns INTEGER NOT NULL,
    length      INTEGER NOT NULL
) STRICT;
CREATE INDEX recordings_by_time ON recordings (started_at DESC, id DESC);
CREATE INDEX recordings_by_room ON recordings (room, started_at DESC);

CREATE TABLE files (
    recording   TEXT NOT NULL,
    name        TEXT NOT NULL,
    feed        INTEGER,
    publisher   TEXT NOT NULL,
    segment     INTEGER NOT NULL,
    state       TEXT NOT NULL,
    started_at  INTEGER,
    duration_ms INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    PRIMARY KEY (recording, name)
) STRICT;

CREATE TABLE participants (
    recording   TEXT NOT NULL,
    participant TEXT NOT NULL,
    name        TEXT NOT NULL,
    joined_at   INTEGER NOT NULL,
    left_at     INTEGER,
    PRIMARY KEY (recording, participant)
) STRICT;
CREATE INDEX participants_by_who ON participants (participant);

CREATE TABLE events (
    recording   TEXT NOT NULL,
    number      INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    what        TEXT NOT NULL,
    event       TEXT NOT NULL,
    PRIMARY KEY (recording, number)
) STRICT;
