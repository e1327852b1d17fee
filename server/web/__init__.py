"""Doors for people: somebody knocks, is asked who they are, and is answered in one shape."""
