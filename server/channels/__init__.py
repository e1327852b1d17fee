"""Ways out: each file is one service that takes our word to somebody's phone, wallet or server."""
