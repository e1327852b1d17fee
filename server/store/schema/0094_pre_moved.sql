-- When a firing last came on: one that stood still for longer than its offer is fresh is given up, not told hours late.
ALTER TABLE firings ADD COLUMN moved_at timestamptz;
