-- What a customer answered from 0 to 10, as other systems tell it with an event ("nps"). Rows from before have none.
ALTER TABLE customer_events ADD COLUMN score smallint;
ALTER TABLE customer_events ADD CHECK (score BETWEEN 0 AND 10) NOT VALID;
