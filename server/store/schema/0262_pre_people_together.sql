-- The people of some rows in one array, each as often as it comes: of groups that are many and small.

CREATE AGGREGATE people_together(bigint[]) (SFUNC = array_cat, STYPE = bigint[]);
