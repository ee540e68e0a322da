-- Calls that reported only a part of their usage, beside those of unknown price and those without usage. Runs of older versions
-- have none.
ALTER TABLE runs       ADD COLUMN partial_calls INTEGER NOT NULL DEFAULT 0;
ALTER TABLE stages     ADD COLUMN partial_calls INTEGER NOT NULL DEFAULT 0;
ALTER TABLE models     ADD COLUMN partial_calls INTEGER NOT NULL DEFAULT 0;
ALTER TABLE operations ADD COLUMN partial_calls INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollups    ADD COLUMN partial_calls INTEGER NOT NULL DEFAULT 0;
