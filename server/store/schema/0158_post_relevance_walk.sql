-- A pass no longer says as of which change of the stores it was looked at: the walk does (relevance_walk).
ALTER TABLE passes DROP COLUMN relevant_as_of;
