"""The street: what happens to a ping, an event, a moment, a code, from the door to the answer."""
