ALTER TABLE photos ADD COLUMN stereo TEXT;
CREATE TABLE new_images (
    photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('original', 'sphere', 'dream', 'upscaled', 'level', 'preview')),
    name TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    tile INTEGER,
    overlap INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (photo_id, name)
) STRICT;
INSERT INTO new_images SELECT photo_id, kind, name, width, height, tile, 0 FROM images ORDER BY rowid;
DROP TABLE images;
ALTER TABLE new_images RENAME TO images;
