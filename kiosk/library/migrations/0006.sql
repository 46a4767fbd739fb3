CREATE TABLE lifetime (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    lived REAL NOT NULL,
    boot TEXT NOT NULL,
    moment REAL NOT NULL,
    wall REAL NOT NULL,
    wall_set INTEGER NOT NULL,
    off_wall REAL,
    off_moment REAL,
    off_counted REAL
) STRICT;
INSERT INTO lifetime VALUES (1, 0, '', 0, 0, 0, NULL, NULL, NULL);
ALTER TABLE photos ADD COLUMN born REAL NOT NULL DEFAULT 0;
ALTER TABLE photos ADD COLUMN lives REAL;
UPDATE photos SET lives = CASE WHEN state IN ('expired', 'deleted') THEN 2592000.0 ELSE expires - created END;
