"""Stand-ins on loopback for the services outside: real protocols, and each fails as it is told."""
