-- no-transaction
-- In which zones customers are at home: read from one zone to the next, not customer by customer.

DROP INDEX CONCURRENTLY IF EXISTS customers_zone;
CREATE INDEX CONCURRENTLY customers_zone ON customers (time_zone, bucket);
