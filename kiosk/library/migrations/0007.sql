ALTER TABLE photos ADD COLUMN client TEXT;
CREATE INDEX photos_by_client ON photos (client);
ALTER TABLE jobs ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
