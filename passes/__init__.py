"""Wallet passes, bytes in and bytes out: no server, no network, no disk, no clock, no chance.

`passes.apple.template.Template` signs passes for Apple Wallet, `passes.google` makes the bodies and links for Google
Wallet, `passes.testing.check` reads a finished pass as a stranger would.
"""
