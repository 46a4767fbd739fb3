ALTER TABLE photos ADD COLUMN shown INTEGER NOT NULL DEFAULT 0;
ALTER TABLE photos ADD COLUMN asked TEXT;
UPDATE photos SET shown = 1 WHERE source IN ('camera', 'folder');
CREATE UNIQUE INDEX photos_by_request ON photos (asked);
