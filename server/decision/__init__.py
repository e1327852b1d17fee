"""The decision: pure and total."""
