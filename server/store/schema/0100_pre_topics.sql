-- What a customer wants to hear about, and what not: {"coffee": true, "books": false}; a topic never spoken of is not in it.
ALTER TABLE customers ADD COLUMN topics jsonb NOT NULL DEFAULT '{}';
