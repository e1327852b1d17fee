"""Reward -> pass: the secrets of the installation, codes, links, and the signed file that a phone keeps."""
