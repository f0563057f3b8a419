"""One tab a file, its handlers and its HTML beside it."""
