CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    opened REAL NOT NULL,
    closed REAL,
    exported REAL,
    wiped REAL
) STRICT;
ALTER TABLE photos ADD COLUMN event INTEGER;
ALTER TABLE photos ADD COLUMN approved INTEGER NOT NULL DEFAULT 1;
ALTER TABLE photos ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;
ALTER TABLE photos ADD COLUMN held TEXT;
ALTER TABLE photos ADD COLUMN checked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE photos ADD COLUMN binned REAL;
CREATE INDEX photos_by_owner ON photos (owner_hash);
CREATE TABLE sessions (
    hash BLOB PRIMARY KEY,
    begun REAL NOT NULL,
    used REAL NOT NULL
) STRICT;
CREATE TABLE screens (
    hash BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    paired REAL NOT NULL
) STRICT;
CREATE TABLE codes (
    hash BLOB PRIMARY KEY,
    sealed BLOB NOT NULL,
    lives REAL NOT NULL
) STRICT;
CREATE TABLE blocked (
    client TEXT PRIMARY KEY,
    since REAL NOT NULL
) STRICT;
CREATE TABLE new_images (
    photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('original', 'sphere', 'dream', 'upscaled', 'flat', 'level', 'preview', 'thumb')),
    name TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, tile INTEGER,
    overlap INTEGER NOT NULL DEFAULT 0, version INTEGER NOT NULL DEFAULT 1, PRIMARY KEY (photo_id, name)
) STRICT;
INSERT INTO new_images SELECT photo_id, kind, name, width, height, tile, overlap, version FROM images ORDER BY rowid;
DROP TABLE images;
ALTER TABLE new_images RENAME TO images;
