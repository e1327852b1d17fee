"""Signals: from a fix to what is known about it (fences, zone, weather)."""
