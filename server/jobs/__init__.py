"""Doors for time: what happens because the clock says so."""
