-- no-transaction
-- The report of passes in wallets reads indexes alone: passes that a wallet ever held beside the wallets that hold one now, in one order.
DROP INDEX CONCURRENTLY IF EXISTS passes_saved;
CREATE INDEX CONCURRENTLY passes_saved ON passes (bucket, serial) INCLUDE (offer_id, created_at) WHERE saved_at IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS registrations_held;
CREATE INDEX CONCURRENTLY registrations_held ON registrations (pass_bucket, serial) WHERE erased_at IS NULL;
