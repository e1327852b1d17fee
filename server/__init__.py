"""Kairos: the right offer at the right moment."""
