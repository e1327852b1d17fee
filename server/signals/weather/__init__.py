"""The weather over a place: where it comes from, and how it is kept at hand."""
