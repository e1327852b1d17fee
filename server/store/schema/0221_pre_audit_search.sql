-- The audit is searched by who did something and by what it was done to.
CREATE INDEX audit_actor ON audit (actor, seq);
CREATE INDEX audit_object ON audit (object, seq);
