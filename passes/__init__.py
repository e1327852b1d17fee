"""Wallet passes: bytes in, bytes out."""
