"""Opening the house, room by room: what `server.app` puts together."""
