"""The store: every SQL statement of the house, the pool, the migrations and PostgreSQL itself."""
