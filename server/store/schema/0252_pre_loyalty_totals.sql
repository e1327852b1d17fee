-- What all people of a row bought together: without them a year's orders are added up without reading who they were of.
ALTER TABLE loyalty_days ADD COLUMN number bigint NOT NULL DEFAULT 0, ADD COLUMN amount bigint NOT NULL DEFAULT 0;
ALTER TABLE loyalty_days ALTER number DROP DEFAULT, ALTER amount DROP DEFAULT;
-- All days are made anew.
DELETE FROM loyalty_days;
UPDATE loyalty_zone SET zone = '';
