CREATE TABLE photos (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token TEXT NOT NULL UNIQUE,
    owner_hash BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('received', 'waiting', 'dreaming', 'upscaling', 'publishing', 'ready',
                                         'failed', 'expired', 'deleted')),
    style TEXT,
    source TEXT NOT NULL,
    width INTEGER NOT NULL CHECK (width > 0),
    height INTEGER NOT NULL CHECK (height > 0),
    gpano TEXT,
    bytes INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL,
    expires REAL,
    changed REAL NOT NULL,
    error_code TEXT,
    error TEXT
) STRICT;
CREATE INDEX photos_by_state ON photos (state, id);
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    photo_id INTEGER NOT NULL UNIQUE REFERENCES photos (id) ON DELETE CASCADE,
    recipe TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'leased', 'finished', 'failed', 'cancelled')),
    attempts INTEGER NOT NULL DEFAULT 0,
    worker TEXT,
    lease_boot TEXT,
    lease_until REAL,
    started REAL,
    seconds REAL,
    progress REAL NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    eta REAL,
    eta_at REAL
) STRICT;
CREATE INDEX jobs_by_state ON jobs (state, id);
CREATE TABLE images (
    photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('original', 'dream', 'upscaled', 'level', 'preview')),
    name TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    tile INTEGER,
    PRIMARY KEY (photo_id, name)
) STRICT;
CREATE TABLE notes (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
