-- A session is served by the release it began under, and a proposal is judged by the release that it was made under.
ALTER TABLE session ADD COLUMN release BLOB CHECK (release IS NULL OR length(release) = 32);
ALTER TABLE proposal ADD COLUMN release BLOB CHECK (release IS NULL OR length(release) = 32);
