-- A session keeps the feature flags that were on when it began, for as long as it keeps its release.
ALTER TABLE session ADD COLUMN flags TEXT;
