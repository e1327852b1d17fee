"""Pages for people, one module each: what is shown first is rendered here, what is done there goes through /v1."""
